"""Plain SQL on real servers: LightGBM's raw scores to the last bit, its outputs within one unit."""

import datetime
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import psycopg
import pymysql
import pytest
import scoring
from scoring_sql.compiled import compile_sql

COLOURS = ["blue", "gr'een", "r\\e$$d"]
NAMES = ["a", "b", "c", "colour", "since"]
DAY = 86400.0


class Trained:
    """A scorer, its oracle, and rows as a database holds them."""

    def __init__(self, folder: Path, rounds: int) -> None:
        random = np.random.default_rng(4)
        count = 500
        self.table = pd.DataFrame(random.normal(size=(count, 3)), columns=["a", "b", "c"])
        self.table["colour"] = pd.Categorical(random.choice(COLOURS, count), categories=COLOURS)
        self.table["since"] = np.floor(random.normal(size=count) * 3000) * DAY / 4
        self.table.loc[::7, "b"] = np.nan
        self.table.loc[::5, "c"] = 0.0
        self.table.loc[::13, "colour"] = None
        for row, value in enumerate((1e-36, -1e-36, 5e-324, -0.0, 1e-35, -1e-35, 1e300, -1e300)):
            self.table.loc[row, "a"] = value
        score = (
            self.table.a.clip(-3, 3) + (self.table.colour == COLOURS[2]) - self.table.since.abs() / DAY / 3000
        )
        y = pd.qcut(score, 3, labels=False)
        parameters = {"objective": "multiclass", "num_class": 3, "num_threads": 1, "verbose": -1, "seed": 1}
        self.booster = lightgbm.train(parameters, lightgbm.Dataset(self.table, y), rounds)
        sent = self.table.assign(since=pd.to_datetime(self.table.since, unit="s"))
        path = folder / "model.pipeline"
        scoring.pack(self.booster, path, labels=["low", "mid", "high"], target="y", X=sent)
        self.scorer = scoring.load(path)

    def rows(self) -> list[tuple[Any, ...]]:
        zero = datetime.datetime(1970, 1, 1)
        rows = []
        for place, (*numbers, colour, since) in enumerate(self.table.itertuples(index=False, name=None)):
            cells = [None if pd.isna(cell) else float(cell) for cell in numbers]
            rows.append(
                (
                    place,
                    *cells,
                    colour if isinstance(colour, str) else None,
                    zero + datetime.timedelta(seconds=since),
                )
            )
        return rows

    def raw(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.asarray(self.booster.predict(self.table, raw_score=True))

    def outputs(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.asarray(self.booster.predict(self.table))


@pytest.fixture(scope="module", params=[20, 100], ids=lambda rounds: f"{rounds}x3 trees")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("trained"), request.param)


def scores(found: list[tuple[Any, ...]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([row[1:] for row in sorted(found)], np.float64)


@pytest.fixture
def filled(postgres: Any, trained: Trained) -> Any:
    with psycopg.connect(postgres.database("compiled"), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE data (id int, a float8, b float8, c float8, colour text, since timestamp)"
        )
        with connection.cursor() as cursor, cursor.copy("COPY data FROM STDIN") as copy:
            for row in trained.rows():
                copy.write_row(row)
        yield connection


@pytest.mark.parametrize("form", ["query", "view", "function"])
def test_postgres(filled: Any, trained: Trained, form: str) -> None:
    for raw in (True, False):
        compiled = compile_sql(trained.scorer, "postgres", form, "data", f"scores_{raw}", ["id"], raw)
        if form == "query":
            found = filled.execute(compiled.sql).fetchall()
        else:
            filled.execute(compiled.sql)
            call = f'data t CROSS JOIN LATERAL "scores_{raw}"(a, b, c, colour, since) s'
            columns = "id, s.*" if form == "function" else "*"
            source = call if form == "function" else f'"scores_{raw}"'
            found = filled.execute(f"SELECT {columns} FROM {source}").fetchall()
        if raw:
            np.testing.assert_array_equal(scores(found), trained.raw())
        else:
            np.testing.assert_array_max_ulp(scores(found), trained.outputs(), 1)


def test_a_condition_on_a_view_reaches_the_index(filled: Any, trained: Trained) -> None:
    filled.execute("CREATE UNIQUE INDEX ON data (id)")
    filled.execute(compile_sql(trained.scorer, "postgres", "view", "data", "scored", ["id"]).sql)
    filled.execute("SET enable_seqscan = off")

    plan = "\n".join(
        line for (line,) in filled.execute("EXPLAIN SELECT * FROM scored WHERE id = 3").fetchall()
    )

    assert "Index Cond: (id = 3)" in plan


def test_nan_and_infinity_in_postgres(filled: Any, trained: Trained) -> None:
    sent = {"NaN": None, "Infinity": np.inf, "-Infinity": -np.inf}
    filled.execute(compile_sql(trained.scorer, "postgres", "function", name="f").sql)

    for text, value in sent.items():
        call = "SELECT * FROM f(%s::float8, 1, 2, 'blue', '2001-02-03')"
        found = filled.execute(call, [text]).fetchone()
        expected = trained.scorer.outputs([[value, 1.0, 2.0, "blue", "2001-02-03"]])[0]
        np.testing.assert_array_max_ulp(np.array(found), expected, 1)


def test_mariadb(mariadb: Any, trained: Trained) -> None:
    connection = pymysql.connect(
        unix_socket=str(mariadb.socket), user=mariadb.user, autocommit=True, charset="utf8mb4"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS compiled")
        cursor.execute("CREATE DATABASE compiled")
        cursor.execute("USE compiled")
        cursor.execute(
            "CREATE TABLE data (id INT, a DOUBLE, b DOUBLE, c DOUBLE, colour VARCHAR(20), since DATETIME)"
        )
        cursor.executemany("INSERT INTO data VALUES (%s, %s, %s, %s, %s, %s)", trained.rows())

        cursor.execute(compile_sql(trained.scorer, "mysql", include=["id"], raw=True).sql)
        np.testing.assert_array_equal(scores(list(cursor.fetchall())), trained.raw())

        cursor.execute(compile_sql(trained.scorer, "mysql", "view", name="scored", include=["id"]).sql)
        cursor.execute("SELECT * FROM scored")
        np.testing.assert_array_max_ulp(scores(list(cursor.fetchall())), trained.outputs(), 1)
