"""Plain SQL: LightGBM's raw scores to the last bit, its outputs within one unit in the last place."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import sqlglot
from scoring.problem import Problem
from scoring_sql.compiled import DIALECTS, Limits, compile_sql

KINDS: dict[str, tuple[Any, ...]] = {
    "regression": ("regression",),
    "binomial": ("binary", ["no", "yes"]),
    "multinomial": ("multiclass", ["low", "mid", "high"]),
    "one against all": ("multiclassova", ["low", "mid", "high"]),
    "poisson": ("poisson",),
    "tweedie": ("tweedie",),
    "cross entropy": ("cross_entropy", ["no", "yes"]),
    "huber": ("huber",),
}
Answers = np.ndarray[Any, np.dtype[np.float64]]


def in_sqlite(sql: str, table: pd.DataFrame) -> Answers:
    connection = sqlite3.connect(":memory:")
    try:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in ["row", *table.columns])
        connection.execute(f"CREATE TABLE data ({names})")
        rows = [[place, *cells] for place, cells in enumerate(cells_of(table))]
        connection.executemany(f"INSERT INTO data VALUES ({', '.join('?' * len(rows[0]))})", rows)
        found = connection.execute(sql).fetchall()
    finally:
        connection.close()
    return ordered(found)


def in_duckdb(sql: str, table: pd.DataFrame) -> Answers:
    with duckdb.connect() as connection:
        data = table.assign(row=range(len(table)))
        data["färbe"] = (
            data["färbe"].astype(object).where(data["färbe"].notna(), None) if "färbe" in data else None
        )
        connection.register("data", data)
        return ordered(connection.execute(sql).fetchall())


def cells_of(table: pd.DataFrame) -> list[list[Any]]:
    return [
        [None if pd.isna(cell) else cell for cell in row] for row in table.itertuples(index=False, name=None)
    ]


def ordered(rows: list[tuple[Any, ...]]) -> Answers:
    return np.array([row[1:] for row in sorted(rows, key=lambda row: row[0])], np.float64)


DATABASES: dict[str, Callable[[str, pd.DataFrame], Answers]] = {"sqlite": in_sqlite, "duckdb": in_duckdb}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("database", DATABASES)
def test_raw_scores_are_lightgbms_bits(made: Any, database: str, kind: str) -> None:
    trained = made(*KINDS[kind])

    sql = compile_sql(trained.scorer, database, include=["row"], raw=True).sql

    np.testing.assert_array_equal(DATABASES[database](sql, trained.data), trained.raw())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("database", DATABASES)
def test_outputs_are_lightgbms_within_one_unit_in_the_last_place(made: Any, database: str, kind: str) -> None:
    trained = made(*KINDS[kind])

    sql = compile_sql(trained.scorer, database, include=["row"]).sql

    np.testing.assert_array_max_ulp(DATABASES[database](sql, trained.data), trained.outputs(), 1)


@pytest.mark.parametrize("options", [
    {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
    {"zero_as_missing": True},
    {"use_missing": False},
    {"max_depth": 40, "num_leaves": 200, "min_data_in_leaf": 1},
    {"max_cat_to_onehot": 1},
    {"reg_sqrt": True},
], ids=lambda options: next(iter(options)))  # fmt: skip
@pytest.mark.parametrize("database", DATABASES)
def test_other_ways_to_train_change_nothing(made: Any, database: str, options: dict[str, Any]) -> None:
    trained = made("regression", None, 30, **options)

    sql = compile_sql(trained.scorer, database, include=["row"]).sql

    np.testing.assert_array_equal(DATABASES[database](sql, trained.data), trained.outputs())


@pytest.mark.parametrize("database", DATABASES)
def test_an_unseen_category_and_blanks_around_a_known_one(made: Any, database: str) -> None:
    trained = made("regression")
    table = trained.data.head(6).copy()
    table["färbe"] = ["mauve", " blue ", "", "NA", None, "BLUE"]

    sql = compile_sql(trained.scorer, database, include=["row"]).sql

    expected = trained.scorer.predict(
        table.astype({"färbe": object}).where(table.notna(), None).to_dict("records")
    )
    np.testing.assert_array_equal(DATABASES[database](sql, table)[:, 0], expected)


@pytest.mark.parametrize("database", DATABASES)
def test_a_large_forest_is_planned(made: Any, database: str) -> None:
    trained = made("multiclass", ["low", "mid", "high"], 100)

    sql = compile_sql(trained.scorer, database, include=["row"], raw=True).sql

    np.testing.assert_array_equal(DATABASES[database](sql, trained.data), trained.raw())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("form", ["query", "view"])
def test_every_dialect_can_be_parsed(made: Any, dialect: str, form: str) -> None:
    trained = made("multiclass", ["low", "mid", "high"], 4)
    compiled = compile_sql(trained.scorer, dialect, form, "shop.orders", "shop.scores", ["id"])
    query = compiled.sql.rpartition(" AS\n")[2] if form == "view" else compiled.sql

    statements = sqlglot.parse(query, read=dialect)

    assert [statement for statement in statements if isinstance(statement, sqlglot.exp.Command)] == []
    assert trained.scorer.digest in compiled.sql


@pytest.mark.parametrize(("words", "what"), [
    (("postgre",), "Did you mean postgres"),
    (("sqlite", "function"), "for PostgreSQL only"),
    (("sqlite", "veiw"), "Did you mean view"),
    (("sqlite", "query", ""), "no name of a table"),
    (("sqlite", "query", "data", "x", ["a", "a"]), "twice"),
    (("sqlite", "query", "data", "x", ["y"]), "name of an output"),
])  # fmt: skip
def test_what_cannot_be_compiled_is_told(made: Any, words: Any, what: str) -> None:
    with pytest.raises(Problem, match=what):
        compile_sql(made("regression").scorer, *words)


@pytest.mark.parametrize("which", ["statement", "memory"])
def test_a_statement_that_the_database_does_not_bear_is_refused_with_its_size(
    made: Any, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(DIALECTS["sqlite"], limits=Limits(**{which: 10_000}))
    monkeypatch.setitem(DIALECTS, "sqlite", small)

    with pytest.raises(Problem, match=r"The statement has [\d,]+ bytes, and SQLite.*10,000") as caught:
        compile_sql(made("regression").scorer, "sqlite")

    assert "scoring sql score" in caught.value.hint
