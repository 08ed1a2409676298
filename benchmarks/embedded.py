"""DuckDB with the scorer in it, beside the engine alone and a Python function that calls LightGBM.

`BENCH_SQL_ROWS` and `BENCH_SQL_ROUNDS` make it smaller. Times are of the whole process, all its threads.
"""

import duckdb
import lightgbm as lgb
import numpy as np
import pyarrow as pa
from scoring_sql.embedded import register, unregister
from sql_model import NAMES, ROUNDS, ROWS, SqlModel, parquet, rows
from table import Table, ratio, seconds
from timing import cpu_seconds

SLOW_ROWS = 20_000
"""Rows of the ways that call LightGBM."""


def run() -> list[Table]:
    """Measure forests of 100 x 3 and 300 x 3 trees."""
    return [_measure(SqlModel(rounds)) for rounds in ROUNDS]


def _measure(model: SqlModel) -> Table:
    path = parquet()
    X = rows(ROWS)
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    register(connection, model.scorer)
    scored = f"SELECT sum(s['y.a']) FROM (SELECT score(t) AS s FROM '{path}' t)"
    few = f"(SELECT * FROM '{path}' LIMIT {SLOW_ROWS})"
    _rival(connection, lgb.Booster(model_file=model.text_path))
    columns = ", ".join(NAMES)
    by_row = f"SELECT sum(single({columns})) FROM {few} WHERE id < 500"
    total = "+".join(f"sum({name})" for name in NAMES)

    def ask(query: str) -> object:
        return connection.execute(query).fetchall()

    calls = {
        "the engine alone, numpy array": lambda: model.scorer.predict(X),
        "reading the file": lambda: ask(f"SELECT {total} FROM '{path}'"),
        "score(t) from the file": lambda: ask(scored),
        "a function over Arrow that calls LightGBM": lambda: ask(f"SELECT sum(rival({columns})) FROM {few}"),
        "a function by row that calls LightGBM": lambda: ask(by_row),
    }
    counts = dict.fromkeys(calls, ROWS) | dict(zip(list(calls)[3:], (SLOW_ROWS, 500), strict=True))
    taken = {name: value / counts[name] for name, value in cpu_seconds(calls, 3).items()}
    floor = sum(list(taken.values())[:2])
    table = Table(
        f"DuckDB, {ROWS:,} rows of 16 columns from Parquet, {model.name}",
        ["way", "CPU time a row", "times engine and reading", "score(t) is faster by"],
    )
    ours = taken["score(t) from the file"]
    for name, value in taken.items():
        table.rows.append([name, seconds(value), ratio(value / floor), ratio(value / ours)])
    unregister(connection)
    connection.remove_function("rival")
    connection.remove_function("single")
    connection.close()
    return table


def _rival(connection: duckdb.DuckDBPyConnection, booster: lgb.Booster) -> None:
    """Register what people write: one function over Arrow, one by row."""

    def score(*columns: pa.ChunkedArray) -> pa.Array:
        matrix = np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns])
        return pa.array(np.ascontiguousarray(booster.predict(matrix)[:, 0]))

    def single(*cells: float) -> float:
        return float(booster.predict([cells])[0, 0])

    # DuckDB asks a function for as many parameters as it is registered with.
    rival = eval(f"lambda {', '.join(NAMES)}: score({', '.join(NAMES)})", {"score": score})
    one = eval(f"lambda {', '.join(NAMES)}: single({', '.join(NAMES)})", {"single": single})
    kinds = ["DOUBLE"] * len(NAMES)
    connection.create_function("rival", rival, kinds, "DOUBLE", type="arrow")
    connection.create_function("single", one, kinds, "DOUBLE", type="native")
