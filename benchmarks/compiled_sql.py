"""Plain SQL beside the engine: what it costs to let a database interpret trees.

SQLite and DuckDB run in this process. `BENCH_POSTGRES` and `BENCH_MYSQL`, connection strings of servers
that may be written to, add PostgreSQL and MySQL or MariaDB.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import lightgbm
import numpy as np
import scoring
from scoring_sql.compiled import compile_sql
from table import Table

ROWS = 20_000
FEATURES = 16
ROUNDS = (100, 300)

Query = Callable[[str], Any]


def run() -> list[Table]:
    """Measure forests of 100 x 3 and 300 x 3 trees."""
    table = Table(
        f"Plain SQL beside the engine ({ROWS:,} rows, {FEATURES} numeric columns, 3 classes, 31 leaves)",
        ["trees", "where", "microseconds a row", "times the engine", "bytes of SQL", "largest difference"],
    )
    with tempfile.TemporaryDirectory() as folder:
        for rounds in ROUNDS:
            scorer, X = _model(Path(folder), rounds)
            expected = scorer.predict(X)
            engine = _seconds(lambda scorer=scorer, X=X: scorer.predict(X)) / ROWS * 1e6
            name = f"{rounds} x 3"
            table.rows.append([name, "the engine, one thread", f"{engine:.2f}", "1", "", "0"])
            for label, dialect, form, connect in _databases():
                sql = compile_sql(scorer, dialect, form, "data", "scores", ["id"]).sql
                with connect(X) as query:
                    call = sql
                    if form == "function":
                        query(sql)
                        columns = ", ".join(f'"{field}"' for field in scorer.schema.names)
                        call = f'SELECT id, s.* FROM data CROSS JOIN LATERAL "scores"({columns}) s'
                    found = np.array(sorted(query(call)), np.float64)[:, 1:]
                    taken = _seconds(lambda query=query, call=call: query(call)) / ROWS * 1e6
                difference = np.abs(found - expected).max()
                cells = [f"{taken:.1f}", f"{taken / engine:.0f}", f"{len(sql):,}", f"{difference:.1g}"]
                table.rows.append([name, f"{label}, {form}", *cells])
    return [table]


def _model(folder: Path, rounds: int) -> tuple[scoring.Scorer, np.ndarray]:
    random = np.random.default_rng(1)
    X = random.normal(size=(ROWS, FEATURES))
    score = X[:, 0] * X[:, 1] + X[:, 2:6].sum(axis=1) + random.normal(size=ROWS)
    y = np.digitize(score, [-1.0, 1.0])
    parameters = {"objective": "multiclass", "num_class": 3, "num_leaves": 31, "verbose": -1, "seed": 1}
    names = [f"f{i}" for i in range(FEATURES)]
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, y, feature_name=names), rounds)
    path = folder / f"{rounds}.pipeline"
    scoring.pack(booster, path, labels=["a", "b", "c"], target="y")
    return scoring.load(path), X


def _seconds(call: Callable[[], object], rounds: int = 3) -> float:
    """Return the shortest of a few times: the databases keep plans, but a neighbour's load comes and goes."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _rows(X: np.ndarray) -> list[tuple[Any, ...]]:
    return [(i, *row) for i, row in enumerate(X.tolist())]


def _create(kind: str) -> str:
    return f"CREATE TABLE data (id INTEGER, {', '.join(f'f{i} {kind}' for i in range(FEATURES))})"


def _databases() -> Iterator[tuple[str, str, str, Callable[[np.ndarray], Any]]]:
    yield "SQLite " + sqlite3.sqlite_version, "sqlite", "query", _sqlite
    yield f"DuckDB {duckdb.__version__}, one thread", "duckdb", "query", _duckdb
    if os.environ.get("BENCH_POSTGRES"):
        yield "PostgreSQL", "postgres", "function", _postgres
        yield "PostgreSQL", "postgres", "query", _postgres
    if os.environ.get("BENCH_MYSQL"):
        yield "MySQL or MariaDB", "mysql", "query", _mysql


@contextmanager
def _sqlite(X: np.ndarray) -> Iterator[Query]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(_create("REAL"))
        connection.executemany(f"INSERT INTO data VALUES (?{', ?' * FEATURES})", _rows(X))
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def _duckdb(X: np.ndarray) -> Iterator[Query]:
    with duckdb.connect(config={"threads": 1}) as connection:
        columns = {"id": np.arange(len(X))} | {f"f{i}": X[:, i] for i in range(FEATURES)}
        connection.register("columns", columns)
        connection.execute("CREATE TABLE data AS SELECT * FROM columns")
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def _postgres(X: np.ndarray) -> Iterator[Query]:
    import psycopg

    with psycopg.connect(os.environ["BENCH_POSTGRES"]) as connection:
        connection.execute("SET jit = off")
        connection.execute("DROP TABLE IF EXISTS data")
        connection.execute(_create("float8"))
        with connection.cursor() as cursor, cursor.copy("COPY data FROM STDIN") as copy:
            for row in _rows(X):
                copy.write_row(row)

        def query(sql: str) -> Any:
            done = connection.execute(sql)
            return done.fetchall() if done.description else None

        yield query


@contextmanager
def _mysql(X: np.ndarray) -> Iterator[Query]:
    import pymysql
    from sqlalchemy.engine import make_url

    url = make_url(os.environ["BENCH_MYSQL"])
    socket = url.query.get("unix_socket")
    with pymysql.connect(
        user=url.username, unix_socket=socket, host=url.host, database=url.database
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS data")
            cursor.execute(_create("DOUBLE"))
            cursor.executemany(f"INSERT INTO data VALUES (%s{', %s' * FEATURES})", _rows(X))

        def query(sql: str) -> Any:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()

        yield query
