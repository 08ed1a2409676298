"""`scoring sql score` next to PostgreSQL, beside a script with SQLAlchemy, pandas and LightGBM.

`BENCH_POSTGRES` is the connection string of a server that may be written to, as libpq has it. The script
does a quarter of the rows. Times are of client processes; the server's own is not in the CPU time.
"""

import os
import subprocess
import sys
import time

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sql_model import NAMES, ROUNDS, ROWS, SqlModel
from table import Table, ratio, seconds, size
from timing import run_process

FEWER = 4
SCRIPT = """
import sys, lightgbm, pandas, sqlalchemy
engine = sqlalchemy.create_engine(sys.argv[1])
booster = lightgbm.Booster(model_file=sys.argv[2])
query = f"SELECT * FROM bench_rows WHERE id < {sys.argv[3]} ORDER BY id"
with engine.connect().execution_options(stream_results=True) as source:
    for rows in pandas.read_sql_query(query, source, chunksize=10_000):
        scores = booster.predict(rows.drop(columns="id"))
        found = pandas.DataFrame(scores, columns=["y.a", "y.b", "y.c"])
        found.insert(0, "id", rows["id"])
        found.to_sql("bench_slow", engine, if_exists="append", index=False)
"""
COMMAND = "from scoring_cli.main import main; main()"


def run() -> list[Table]:
    """Measure forests of 100 x 3 and 300 x 3 trees."""
    place = os.environ.get("BENCH_POSTGRES")
    if place is None:
        remark = "Not measured: BENCH_POSTGRES names no server of PostgreSQL that may be written to."
        return [Table("Next to PostgreSQL", ["way"], remarks=[remark])]
    columns = ", ".join(f"random() * 4 - 2 AS {name}" for name in NAMES)
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_rows")
        numbers = f"generate_series(0, {ROWS - 1}) i"
        connection.execute(f"CREATE TABLE bench_rows AS SELECT i AS id, {columns} FROM {numbers}")
        connection.execute("ALTER TABLE bench_rows ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE bench_rows")
        try:
            return [_measure(SqlModel(rounds), place, connection) for rounds in ROUNDS]
        finally:
            connection.execute(
                "DROP TABLE IF EXISTS bench_rows, bench_fast, bench_slow, bench_again, scoring_jobs"
            )


def _measure(model: SqlModel, place: str, connection: psycopg.Connection[tuple[int]]) -> Table:
    settings = conninfo_to_dict(place)
    query = "&".join(f"{name}={settings[name]}" for name in ("host", "port", "user") if name in settings)
    url = f"postgresql+psycopg:///{settings['dbname']}?{query}"
    connection.execute("DROP TABLE IF EXISTS bench_fast, bench_slow, scoring_jobs")
    words = ["--source", place, "--query", "SELECT * FROM bench_rows", "--id", "id", "--into", "bench_fast"]
    fast = run_process([sys.executable, "-c", COMMAND, "sql", "score", str(model.artifact_path), *words])
    few = ROWS // FEWER
    slow = run_process([sys.executable, "-c", SCRIPT, url, str(model.text_path), str(few)])
    same = connection.execute(
        "SELECT count(*) FROM bench_fast f JOIN bench_slow s USING (id) "
        'WHERE f."y.a" = s."y.a" AND f."y.b" = s."y.b" AND f."y.c" = s."y.c"'
    ).fetchone()
    table = Table(
        f"Next to PostgreSQL, {ROWS:,} rows of 16 columns, {model.name}",
        ["way", "rows", "time a row", "CPU time a row (client)", "peak memory"],
    )
    for name, count, done in (
        ("scoring sql score", ROWS, fast),
        ("SQLAlchemy, pandas and LightGBM", few, slow),
    ):
        times = (seconds(done.wall / count), seconds(done.cpu / count))
        table.rows.append([name, f"{count:,}", *times, size(done.peak)])
    wall, cpu = slow.wall / few / (fast.wall / ROWS), slow.cpu / few / (fast.cpu / ROWS)
    table.remarks.append(
        f"Faster by {ratio(wall)} in time and {ratio(cpu)} in CPU time, with start and imports."
    )
    table.remarks.append(f"Rows with the same bits in both: {same[0] if same else 0:,} of {few:,}.")
    table.remarks.append(_killed(model, words[:-1], connection))
    return table


def _killed(model: SqlModel, words: list[str], connection: psycopg.Connection[tuple[int]]) -> str:
    """Kill a run on its way, run it again, and compare with the run that was left alone."""
    command = [sys.executable, "-c", COMMAND, "sql", "score", str(model.artifact_path), *words, "bench_again"]
    connection.execute("DROP TABLE IF EXISTS bench_again")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and _count(connection) < ROWS // 3:
            time.sleep(0.1)
        process.kill()
    before = _count(connection)
    done = run_process([*command, "--resume"])
    found = connection.execute(
        'SELECT count(*) FROM bench_again JOIN bench_fast USING (id, "y.a", "y.b", "y.c")'
    ).fetchone()
    after, same = _count(connection), found[0] if found else 0
    return (
        f"Killed after {before:,} rows and run again: {after:,} rows, {same:,} of them those of the other "
        f"run; peak memory of the second run {size(done.peak)}."
    )


def _count(connection: psycopg.Connection[tuple[int]]) -> int:
    """Count the rows that are committed so far."""
    there = connection.execute("SELECT to_regclass('bench_again')::oid::bigint").fetchone()
    if there is None or there[0] is None:
        return 0
    found = connection.execute("SELECT count(*) FROM bench_again").fetchone()
    return found[0] if found else 0
