# ruff: noqa: E501 -- statements are left whole
"""A scorer in DuckDB gives the engine's scores to the last bit, whatever holds the rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import scoring
from scoring import Problem
from scoring_sql.embedded import extension, register, unregister
from scoring_sql.embedded.query import Session

NAMES = ("a", "b b", 'c"c', "select", "färbe")


@pytest.fixture(scope="module")
def trained(made: Any) -> Any:
    return made("multiclass", ["low", "mid", "hi'gh"])


@pytest.fixture
def connection(trained: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    register(connection, trained.scorer)
    connection.register("data", _arrow(trained))
    connection.execute("CREATE TABLE t AS SELECT row_number() OVER () AS n, * FROM data")
    yield connection
    unregister(connection)
    connection.close()


def _arrow(trained: Any) -> Any:
    return pa.Table.from_pandas(trained.data, preserve_index=False)


def _matrix(connection: Any, query: str) -> np.ndarray:
    return np.array(connection.execute(query).fetchall(), float)


def test_struct_columns_and_label(connection: Any, trained: Any) -> None:
    expected = trained.scorer.outputs(trained.data)
    assert np.array_equal(expected, trained.outputs())

    assert np.array_equal(_matrix(connection, "SELECT unnest(score(t)) FROM t ORDER BY n"), expected)
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in NAMES)
    assert np.array_equal(_matrix(connection, f"SELECT unnest(score({columns})) FROM t ORDER BY n"), expected)
    one = connection.execute(
        "SELECT score(t), score(t)['y.mid'], score_label(t) FROM t ORDER BY n LIMIT 1"
    ).fetchone()
    assert list(one[0]) == ["y.low", "y.mid", "y.hi'gh"]
    assert one[1] == expected[0, 1]
    labels = [row[0] for row in connection.execute("SELECT score_label(t) FROM t ORDER BY n").fetchall()]
    assert labels == [trained.scorer.labels[place] for place in expected.argmax(axis=1)]


def test_contributions_are_the_engines(connection: Any, trained: Any) -> None:
    found = _matrix(connection, "SELECT unnest(contribution(t)) FROM t ORDER BY n")

    assert np.array_equal(found, trained.scorer.contributions(trained.data))
    (first,) = connection.execute("SELECT contribution(t) FROM t LIMIT 1").fetchone()
    assert list(first)[:6] == [f"low.{name}" for name in NAMES] + ["low.bias"]


@pytest.mark.parametrize("objective", ["binary", "regression"])
def test_other_tasks(objective: str, made: Any) -> None:
    trained = made(objective, ["no", "yes"] if objective == "binary" else None)
    connection = duckdb.connect()
    names = register(connection, trained.scorer, "mine")
    connection.register("t", _arrow(trained))

    found = _matrix(connection, "SELECT unnest(mine(t)) FROM t")

    assert np.array_equal(found, trained.scorer.outputs(trained.data))
    assert names == (["mine", "mine_label"] if objective == "binary" else ["mine"]) + ["mine_contribution"]
    unregister(connection, "mine")
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT mine(t) FROM t")
    connection.close()


def test_types_are_read_as_the_scorer_reads_them(connection: Any, trained: Any) -> None:
    casts = {
        "float": "::FLOAT", "decimal": "::DECIMAL(18, 6)", "text": "::VARCHAR", "integer": "::BIGINT",
        "small": "::TINYINT", "boolean": "::INT::BOOLEAN",
    }  # fmt: skip
    kept = ", ".join('"' + name.replace('"', '""') + '"' for name in NAMES[2:])
    for cast in casts.values():
        query = (
            f'SELECT least(greatest(a, -9), 9){cast} AS a, round("b b", 3) AS "b b", {kept} FROM t ORDER BY n'
        )
        relation = connection.sql(query)
        expected = trained.scorer.outputs(relation.to_arrow_table())
        assert np.array_equal(_matrix(connection, f"SELECT unnest(score(q)) FROM ({query}) q"), expected), (
            cast
        )


def test_missing_is_null_nan_or_a_token(connection: Any, trained: Any) -> None:
    rest = '"b b", \'c"c\', "select", "färbe"'.replace("'c\"c'", '"c""c"')
    query = "SELECT unnest(score(q)) FROM (SELECT {} AS a, " + rest + " FROM t ORDER BY n LIMIT 5) q"

    ways = [
        _matrix(connection, query.format(way))
        for way in ("NULL", "'nan'::DOUBLE", "'NA'", "''", "NULL::DOUBLE")
    ]

    assert all(np.array_equal(ways[0], way) for way in ways)
    unseen = [
        _matrix(connection, query.replace('"färbe"', f'{way} AS "färbe"').format("a"))
        for way in ("'violet'", "7")
    ]
    assert np.array_equal(*unseen)


def test_files_and_threads(connection: Any, trained: Any, tmp_path: Any) -> None:
    connection.execute(
        f"COPY (SELECT t.* FROM t, range(400) r(i) ORDER BY i, n) TO '{tmp_path}/t.parquet' (ROW_GROUP_SIZE 4096)"
    )
    connection.execute(f"COPY t TO '{tmp_path}/t.csv'")
    expected = trained.scorer.outputs(trained.data)
    connection.execute("SET threads = 4")

    connection.execute(
        f"COPY (SELECT n, unnest(score(t)) FROM '{tmp_path}/t.parquet' t) TO '{tmp_path}/s.parquet'"
    )
    found = _matrix(connection, f"SELECT * EXCLUDE n FROM '{tmp_path}/s.parquet'")
    assert np.array_equal(found, np.tile(expected, (400, 1)))
    assert np.array_equal(
        _matrix(connection, f"SELECT unnest(score(t)) FROM '{tmp_path}/t.csv' t ORDER BY n"), expected
    )


def test_a_cell_that_cannot_be_read_stops_the_query(connection: Any) -> None:
    with pytest.raises(duckdb.Error, match="Field 'a': a number is wanted") as caught:
        connection.execute("SELECT score(q) FROM (SELECT * REPLACE ('s3cret' AS a) FROM t) q")

    assert "s3cret" not in str(caught.value)


def test_times_whole_numbers_and_sentinels() -> None:
    scorer = _scorer_of_times()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    register(connection, scorer)
    times = ["TIMESTAMP '2020-02-03 04:05:06.789012'", "TIMESTAMPTZ '2020-02-03 04:05:06.789012+00'",
             "'2020-02-03T04:05:06.789012Z'", "1580702706.789012"]  # fmt: skip

    found = [
        connection.execute(
            f"SELECT score(t) FROM (SELECT {time} AS since, true AS open, -999 AS count) t"
        ).fetchone()
        for time in times
    ]
    others = connection.execute(
        "SELECT score(t) FROM (SELECT DATE '2020-02-03' AS since, 'yes' AS open, NULL AS count) t"
    ).fetchone()

    expected = scorer.outputs([["2020-02-03T04:05:06.789012Z", "true", ""]])[0, 0]
    assert [one[0]["y"] for one in found] == [expected] * 4
    assert others[0]["y"] == scorer.outputs([["2020-02-03", "1", "-999"]])[0, 0]
    unregister(connection)
    connection.close()


def _scorer_of_times() -> scoring.Scorer:
    import json

    import lightgbm

    random = np.random.default_rng(1)
    X = np.column_stack(
        (random.uniform(1.5e9, 1.6e9, 500), random.integers(0, 2, 500), random.integers(0, 9, 500))
    )
    booster = lightgbm.train(
        {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2},
        lightgbm.Dataset(X, X[:, 0] * (X[:, 1] + 1)),
        20,
    )
    names = ["since", "open", "count"]
    fields = [
        scoring.Field("since", "Time64"),
        scoring.Field("open", "Bool"),
        scoring.Field("count", "Int64", ("", "-999")),
    ]
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": [0, 1, 2], "names": names}
    artifact = scoring.Artifact.create(
        name="times", task="regression", target="y", labels=(), inputs=fields,
        features=json.dumps(graph).encode(), forest=booster.model_to_string(),
    )  # fmt: skip
    return scoring.Scorer(artifact)


def test_a_thousand_inputs(tmp_path: Any) -> None:
    import lightgbm

    random = np.random.default_rng(1)
    X = random.normal(size=(200, 1000))
    booster = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, X[:, 999] - X[:, 0]), 5)
    scoring.pack(booster, tmp_path / "wide.pipeline", target="y")
    scorer = scoring.load(tmp_path / "wide.pipeline")
    connection = duckdb.connect()
    register(connection, scorer)
    connection.register("t", pa.table({name: X[:, place] for place, name in enumerate(scorer.schema.names)}))

    assert np.array_equal(_matrix(connection, "SELECT unnest(score(t)) FROM t")[:, 0], scorer.predict(X))
    unregister(connection)
    connection.close()


def test_a_name_that_is_no_name_is_refused(trained: Any) -> None:
    with pytest.raises(scoring.Problem, match="cannot be the name"):
        register(duckdb.connect(), trained.scorer, 'a"; drop')


def test_what_an_extension_is_needed_for(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "rig.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cycles (cycle INTEGER)")
    if extension.packaged(duckdb.connect(), "sqlite"):
        pytest.skip("DuckDB's extension for SQLite is installed")

    beside = {"rig": str(path)}
    with Session(trained.scorer, beside) as session, pytest.raises(Problem, match="read only") as fault:
        session.run("create table rig.scores as select 1 as a")
    with Session(trained.scorer) as session, pytest.raises(Problem, match="needs its extension") as other:
        session.run(f"attach '{path}' as rig (type sqlite)")

    for found in (fault, other):
        assert "pip install duckdb-extension-sqlite-scanner" in found.value.hint
