"""DuckDB's own extensions, from packages: other databases are read and written within one query."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import psycopg
import pymysql
import pytest
import scoring
from wheels import installed

VERSION = "1.5.5"
"""Of DuckDB, for which there are such packages."""
STORED = (
    "create table rig.scores as select cycle, unnest(score(c)) from rig.{} c; from rig.scores order by cycle"
)
PROGRAM = "from scoring_cli.main import main; main()"
ROWS = 30
SECRET = 'a "p\\ss=1'

Execute = Callable[[str], Any]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def packages() -> Path:
    """A folder with DuckDB and its extensions, that Python looks into first."""
    names = [f"duckdb-extension-{kind}-scanner=={VERSION}" for kind in ("sqlite", "postgres", "mysql")]
    return installed(f"duckdb-{VERSION}", *names)


@pytest.fixture
def run(packages: Path, root: Path) -> Run:
    """Run `scoring sql` with the example and those packages."""

    def call(sql: str, attach: str, **more: str) -> "subprocess.CompletedProcess[str]":
        pipeline = str(root / "sql-scorer/example/cooler.pipeline")
        command = [sys.executable, "-c", PROGRAM, "sql", pipeline, sql]
        environment = {**os.environ, "PYTHONPATH": str(packages), **more}
        return subprocess.run(
            [*command, "--attach", f"rig={attach}", "--format", "csv"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return call


@pytest.fixture(scope="module")
def scorer(root: Path) -> scoring.Scorer:
    return scoring.load(root / "sql-scorer/example/cooler.pipeline")


@pytest.fixture(scope="module")
def rows(scorer: scoring.Scorer, root: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    request = json.loads((root / "sql-scorer/example/request.json").read_text())
    row = np.array([float(request["rows"][0][request["fields"].index(name)]) for name in scorer.schema.names])
    return np.asarray(row * np.random.default_rng(5).uniform(0.5, 1.5, (ROWS, len(row))))


def _filled(execute: Execute, scorer: scoring.Scorer, rows: Any, mark: str, number: str) -> None:
    columns = ", ".join(f"{mark}{name}{mark} {number}" for name in scorer.schema.names)
    execute(f"CREATE TABLE cycles (cycle bigint, {columns})")
    for position, row in enumerate(rows.tolist()):
        execute(f"INSERT INTO cycles VALUES ({position}, {', '.join(map(repr, row))})")


def _check(done: "subprocess.CompletedProcess[str]", scorer: scoring.Scorer, rows: Any) -> None:
    assert done.returncode == 0, done.stderr
    found = np.array(list(csv.reader(io.StringIO(done.stdout)))[1:], float)
    assert np.array_equal(found[:, 0], np.arange(ROWS))
    assert np.array_equal(found[:, 1:], scorer.outputs(rows))
    assert "rows read" not in done.stderr  # as it says when the tables are copied first


def test_sqlite(run: Run, scorer: scoring.Scorer, rows: Any, tmp_path: Path) -> None:
    path = tmp_path / "rig.sqlite"
    with sqlite3.connect(path) as connection:
        _filled(connection.execute, scorer, rows, '"', "REAL")
    connection.close()

    _check(run(STORED.format("cycles"), str(path)), scorer, rows)

    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM scores").fetchone() == (ROWS,)
    connection.close()
    read = f"attach '{path}' as other (type sqlite); select count(*) as n from other.scores"
    assert run(read, str(path)).stdout.split()[1:] == [str(ROWS)]


def test_postgres(run: Run, scorer: scoring.Scorer, rows: Any, postgres: Any, tmp_path: Path) -> None:
    url = postgres.database("attached")
    with psycopg.connect(url, autocommit=True) as connection:
        _filled(lambda text: connection.execute(text.encode()), scorer, rows, '"', "float8")
    services = tmp_path / "services"
    lines = [f"host={postgres.folder}", f"port={postgres.port}", "user=postgres", "dbname=attached"]
    services.write_text("\n".join(["[plant]", *lines, ""]))

    _check(run(STORED.format("cycles"), "plant", PGSERVICEFILE=str(services)), scorer, rows)

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM scores").fetchone() == (ROWS,)
    gone = run("from rig.cycles", "env:PLANT", PLANT=f"host={tmp_path} dbname=x password=s3cret")
    assert gone.returncode == 1
    assert "env:PLANT" in gone.stderr
    assert "s3cret" not in gone.stderr + gone.stdout


def test_mariadb(run: Run, scorer: scoring.Scorer, rows: Any, mariadb: Any) -> None:
    connection = pymysql.connect(unix_socket=str(mariadb.socket), user=mariadb.user, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS attached")
        cursor.execute("CREATE DATABASE attached")
        cursor.execute("USE attached")
        _filled(cursor.execute, scorer, rows, "`", "double")
        cursor.execute("CREATE USER IF NOT EXISTS ada@localhost IDENTIFIED BY %s", [SECRET])
        cursor.execute("GRANT ALL ON attached.* TO ada@localhost")

        _check(run(
            STORED.format("cycles"), "env:RIG",
            RIG=f"mysql+pymysql://ada:{quote(SECRET)}@localhost/attached?unix_socket={mariadb.socket}",
        ), scorer, rows)  # fmt: skip

        cursor.execute("SELECT count(*) FROM scores")
        assert cursor.fetchone() == (ROWS,)
    other = f"mysql://ada:s3cret@localhost/attached?unix_socket={mariadb.socket}"
    wrong = run("from rig.cycles", "env:RIG", RIG=other)
    assert wrong.returncode == 1
    assert "s3cret" not in wrong.stderr + wrong.stdout
