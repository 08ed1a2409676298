"""The extension's scores are LightGBM's, to the last bit, in every form and for every kind of value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import psycopg
import pytest
import scoring
from extension_models import NAMES, Trained
from postgres_release import EVERY
from psycopg import sql
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.parametrize("extended", EVERY, indirect=True, scope="session")
KINDS = [("regression", None), ("binary", ["no", "yes"]), ("multiclass", ["low", "mid", "high"])]
VALUES = ", ".join(f'"{name}"' for name in NAMES)


@pytest.fixture(params=KINDS, ids=[kind for kind, _ in KINDS])
def trained(request: pytest.FixtureRequest, made: Callable[..., Trained], connection: Connection) -> Trained:
    found = made(*request.param)
    found.install(connection, "golden")
    return found


def arrays(connection: Connection, query: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([row[0] for row in connection.execute(query.encode())], np.float64)


def same(found: Any, expected: Any) -> bool:
    """Compare bits: -0.0 is not 0.0, NaN is NaN."""
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return one.shape == other.shape and bool(np.array_equal(one.view(np.int64), other.view(np.int64)))


def test_rows_by_name_and_by_place(trained: Trained, connection: Connection) -> None:
    expected = trained.outputs()
    assert same(arrays(connection, "SELECT scoring.score('golden', t) FROM golden t ORDER BY id"), expected)
    query = f"SELECT scoring.score('golden', {VALUES}) FROM golden ORDER BY id"
    assert same(arrays(connection, query), expected)
    digest = trained.scorer.digest
    query = f"SELECT scoring.score_fixed('{digest}', t) FROM golden t ORDER BY id"
    assert same(arrays(connection, query), expected)
    query = f"SELECT scoring.score('{digest}', u) FROM (SELECT id, {VALUES} FROM golden) u ORDER BY id"
    assert same(arrays(connection, query), expected)


def test_a_query_as_a_whole(trained: Trained, connection: Connection) -> None:
    expected = trained.outputs()
    columns = sql.SQL(", ").join(
        sql.SQL("{} float8").format(sql.Identifier(name)) for name in trained.scorer.output_names
    )
    query = sql.SQL(
        "SELECT * FROM scoring.score_rows('golden', 'SELECT * FROM golden') AS r (id bigint, more text, {})"
    )
    found = connection.execute(sql.SQL("{} ORDER BY id").format(query.format(columns))).fetchall()
    assert same([row[2:] for row in found], expected)
    assert [row[:2] for row in found] == [(number, f"row {number}") for number in range(len(found))]
    connection.execute("DROP TYPE IF EXISTS scores; SELECT scoring.create_type('golden', 'scores', 'public')")
    query = sql.SQL(
        "SELECT * FROM scoring.score_rows(NULL::scores, 'golden', 'SELECT * FROM golden ORDER BY id')"
    )
    assert same(connection.execute(query).fetchall(), expected)


def test_one_label_json_and_a_function_of_its_own(trained: Trained, connection: Connection) -> None:
    expected = trained.outputs()
    for place, name in enumerate(trained.scorer.output_names):
        query = f"SELECT scoring.score_label('golden', '{name}', t) FROM golden t ORDER BY id"
        assert same(arrays(connection, query), expected[:, place])
    label = trained.scorer.labels[-1] if trained.scorer.labels else "y"
    query = (
        f"SELECT scoring.score_label_fixed('{trained.scorer.digest}', '{label}', t) FROM golden t ORDER BY id"
    )
    assert same(arrays(connection, query), expected[:, -1])
    found = connection.execute("SELECT scoring.score_json('golden', t) FROM golden t ORDER BY id").fetchall()
    assert [list(row[0]) for row in found[:1]] == [list(trained.scorer.output_names)] or len(expected[0]) > 1
    assert same([[row[0][name] for name in trained.scorer.output_names] for row in found], expected)
    for pinned in ("false", "true"):
        connection.execute(
            f"SELECT scoring.create_function('golden', 'own score', 'public', {pinned})".encode()
        )
        query = f'SELECT s.* FROM golden, LATERAL public."own score"({VALUES}) s ORDER BY id'
        assert same(connection.execute(query.encode()).fetchall(), expected)
        connection.execute("SELECT scoring.drop_function('own score', 'public')")


def test_contributions(trained: Trained, connection: Connection) -> None:
    few = "(SELECT * FROM golden WHERE id > 30 ORDER BY id LIMIT 50)"
    for kind in ("original", "transformed"):
        query = f"SELECT scoring.contributions('golden', '{kind}', {VALUES}) FROM {few} t ORDER BY id"
        found = arrays(connection, query).reshape(50, -1)
        part = trained.table[31:81]
        expected = np.asarray(trained.booster.predict(part, pred_contrib=True)).reshape(50, -1)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    query = "SELECT * FROM scoring.contribution('golden', (SELECT t FROM golden t WHERE id = 31))"
    rows = connection.execute(query.encode()).fetchall()
    assert len(rows) == found.shape[1]
    np.testing.assert_allclose([row[2] for row in rows], expected[0], rtol=1e-9, atol=1e-9)
    assert [row[1] for row in rows[: len(NAMES) + 1]] == [*NAMES, None]
    assert rows[0][0] == trained.scorer.output_names[0 if trained.scorer.task != "binomial" else 1]


def test_numbers_of_every_type(made: Callable[..., Trained], connection: Connection) -> None:
    trained = made("multiclass", ["low", "mid", "high"])
    trained.install(connection, "golden")
    expected = arrays(
        connection, "SELECT scoring.score('golden', t) FROM golden t WHERE abs(a) < 9 ORDER BY id"
    )
    rest = ", ".join(f'"{name}"' for name in ("B b", "select", "färbe"))
    for number, whole in (
        ("numeric", "smallint"), ("text", "bigint"), ("varchar(40)", "numeric"), ("float8", "text"),
        ("bpchar", "name"),
    ):  # fmt: skip
        inner = (
            f"SELECT id, a::text::{number} AS a, c::text::{whole} AS c, {rest} FROM golden WHERE abs(a) < 9"
        )
        query = f"SELECT scoring.score('golden', t) FROM ({inner}) t ORDER BY id"
        assert same(arrays(connection, query), expected), (number, whole)
    real = 'SELECT id, a::real AS a, "B b"::real AS "B b", c, "select"::float8, "färbe" FROM golden'
    real += " WHERE abs(a) BETWEEN 1e-30 AND 9"
    wide = real.replace("::real", "::real::float8")
    one, other = (f"SELECT scoring.score('golden', t) FROM ({inner}) t ORDER BY id" for inner in (real, wide))
    assert same(arrays(connection, one), arrays(connection, other))


def test_missing_unseen_and_blanks(made: Callable[..., Trained], connection: Connection) -> None:
    trained = made("multiclass", ["low", "mid", "high"])
    trained.install(connection, "golden")

    def score(cells: str) -> Any:
        found = connection.execute(f"SELECT scoring.score('golden', {cells})".encode()).fetchone()
        assert found is not None
        return found[0]

    missing = score("1, 2, 3, 4, NULL")
    for word in ("NULL::text", "''", "'NA'", "'  '", "'null'", "'?'", "'NaN'::float8"):
        assert score(f"1, 2, 3, 4, {word}") == missing, word
    for word in ("'NaN'::float8", "'NaN'::numeric", "'NaN'::real", "NULL::integer", "'NA'", "''"):
        assert score(f"1, {word}, 3, 4, NULL") == score("1, NULL, 3, 4, NULL"), word
    assert score("1, 2, 3, 4, ' blue '") == score("1, 2, 3, 4, 'blue'")
    assert score("1, 2, 3, 4, E'\\u00a0rötlich'") == score("1, 2, 3, 4, 'rötlich'")
    unseen = score("1, 2, 3, 4, 'never'")
    for word in ("'nie gesehen: ü'", "'Blue'", "17", "true", "1.5"):
        assert score(f"1, 2, 3, 4, {word}") == unseen, word
    expected = trained.scorer.outputs([["1", "2", "3", "4", "never"], ["1", "2", "3", "4", None]])
    assert same([unseen, missing], expected)
    assert score("true, '1e3', ' 3 ', 'Infinity', 'blue'") == score("1, 1000, 3, 'inf'::float8, 'blue'")
    everything = connection.execute(
        "SELECT scoring.score('golden', VARIADIC ARRAY[1, NULL, 3, 4, NULL]::float8[])"
    )
    assert everything.fetchone() == (score("1, NULL, 3, 4, NULL"),)
    assert connection.execute("SELECT scoring.score('golden', NULL::golden)").fetchone() == (None,)


def test_transforms(connection: Connection, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "x": random.normal(size=800),
            "y": random.normal(size=800),
            "kind": random.choice(["u", "v", "w"], 800),
        }
    )
    table.loc[::9, "x"] = np.nan
    steps = ColumnTransformer([
        ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["x", "y"]),
        ("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
    ])  # fmt: skip
    model = make_pipeline(steps, lightgbm.LGBMClassifier(n_estimators=20, num_threads=1, verbose=-1))
    model.fit(table, (table.x.fillna(0) + (table.kind == "v") > table.y).astype(int))
    scoring.pack(model, tmp_path / "steps.pipeline", labels=["0", "1"], X=table)
    scorer = scoring.load(tmp_path / "steps.pipeline")
    connection.execute("SELECT scoring.install('steps', %s)", [scorer.artifact.data])
    connection.execute(
        "DROP TABLE IF EXISTS steps; CREATE TABLE steps (id int, x float8, y float8, kind text)"
    )
    with connection.cursor().copy("COPY steps FROM STDIN") as out:
        for number, row in enumerate(table.itertuples(index=False, name=None)):
            out.write_row([number, *(None if pd.isna(cell) else cell for cell in row)])
    found = arrays(connection, "SELECT scoring.score('steps', t) FROM steps t ORDER BY id")
    assert same(found, scorer.outputs(table))
    np.testing.assert_allclose(found, model.predict_proba(table), rtol=1e-9)


def test_times_and_booleans(connection: Connection, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    since = pd.to_datetime(random.integers(0, 1_700_000_000, 700), unit="s")
    table = pd.DataFrame({"since": since, "on": random.random(700) < 0.5})
    plain = pd.DataFrame({"since": since.astype("int64") // 10**9 * 1.0, "on": table.on.astype(float)})
    y = np.sin(plain.since / 1e8) + plain.on
    booster = lightgbm.train(
        {"objective": "regression", "num_threads": 1, "verbose": -1}, lightgbm.Dataset(plain, y), 40
    )
    schema = {"since": {"type": "Time64"}, "on": {"type": "Bool"}}
    scoring.pack(booster, tmp_path / "times.pipeline", X=plain, schema=schema)
    scorer = scoring.load(tmp_path / "times.pipeline")
    connection.execute("SELECT scoring.install('times', %s)", [scorer.artifact.data])
    connection.execute("SET timezone = 'America/New_York'")
    for literal, text in (
        ("date '2018-01-31'", "2018-01-31"),
        ("timestamp '2018-01-31 23:59:59.123457'", "2018-01-31T23:59:59.123457Z"),
        ("timestamptz '2018-01-31 23:59:59.5+01'", "2018-01-31T23:59:59.5+01:00"),
        ("'2018-01-31T23:59+0530'", "2018-01-31T23:59+05:30"),
        ("1517443199.25", "2018-01-31T23:59:59.25"),
        ("timestamp '1901-02-03 04:05:06'", "1901-02-03T04:05:06"),
        ("' 2018-01-31 '", "2018-01-31"),
        ("NULL::date", None),
    ):
        for given, cell in (
            ("true", "true"),
            ("0", "false"),
            ("'yes'", "true"),
            ("1.0::numeric", "1"),
            ("NULL", None),
        ):
            query = f"SELECT scoring.score('times', {literal}, {given})"
            assert same(arrays(connection, query), scorer.outputs([[text, cell]])), (literal, given)
