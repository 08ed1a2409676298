# ruff: noqa: E501 -- statements are left whole
"""Scoring next to a real PostgreSQL by the command: whatever is killed, each row comes once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
import scoring
from beside_cycles import EXAMPLE, QUERY, ROWS, connected, expected_of, filled, job_of, scores_of
from scoring_sql import beside

# Without pandas and polars, which ADBC imports where they are, the command starts in a fraction of the time.
LEAN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in ("pandas", "polars"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from scoring_cli.main import main
main()
"""
START = (sys.executable, "-c", LEAN)


@pytest.fixture(scope="module")
def scorer() -> scoring.Scorer:
    return scoring.load(EXAMPLE)


@pytest.fixture(scope="module")
def url(postgres: Any, scorer: scoring.Scorer) -> str:
    return filled(postgres.database("beside_killed"), scorer)


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with connected(url) as connection:
        yield connection


def _command(url: str, *words: str, rows: int = 200) -> "subprocess.Popen[bytes]":
    command = [
        *START,
        "sql",
        "score",
        str(EXAMPLE),
        "--source",
        url,
        "--query",
        QUERY,
        "--id",
        "id",
        "--into",
        "scores",
    ]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [*command, "--chunk-rows", str(rows), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def _wait_for_rows(connection: Any, process: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if connection.execute("SELECT to_regclass('scoring_jobs')").fetchone()[0] is not None:
            (rows,) = connection.execute("SELECT coalesce(sum(done), 0) FROM scoring_jobs").fetchone()
            if rows:
                return int(rows)
        time.sleep(0.01)
    raise AssertionError("no rows came")


@pytest.fixture
def slow(connection: Any) -> None:
    """Make each row of the table take a while, so that there is time to kill."""
    connection.execute("CREATE TABLE IF NOT EXISTS scores (id int PRIMARY KEY)")
    connection.execute(
        "CREATE OR REPLACE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.0005); RETURN NEW; END $$"
    )
    for name in scoring.load(EXAMPLE).output_names:
        connection.execute(f'ALTER TABLE scores ADD COLUMN "{name}" float8')
    connection.execute("CREATE TRIGGER wait BEFORE INSERT ON scores FOR EACH ROW EXECUTE FUNCTION wait()")


@pytest.mark.usefixtures("slow")
def test_a_killed_client_resumes_exactly_once(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    for round_ in range(2):
        process = _command(url, *(["--resume"] if round_ else []))
        before = _wait_for_rows(connection, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert before < ROWS
    refused = _command(url)
    _, words = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert b"--resume" in words

    last = _command(url, "--resume")
    _, words = last.communicate(timeout=120)

    assert last.returncode == 0, words
    assert b"exactly once" in words
    found = connection.execute("SELECT count(*), count(DISTINCT id) FROM scores").fetchone()
    assert found == (ROWS, ROWS)
    assert np.array_equal(scores_of(connection, scorer), expected_of(connection, scorer))


@pytest.mark.usefixtures("slow")
def test_a_killed_server_resumes_exactly_once(
    postgres: Any, url: str, connection: Any, scorer: scoring.Scorer
) -> None:
    process = _command(url)
    _wait_for_rows(connection, process)
    postmaster = int((postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    _, words = process.communicate(timeout=60)
    (postgres.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    _start_again(postgres)

    assert process.returncode == 1, words
    assert b"--resume" in words
    assert b"Traceback" not in words
    done = _command(url, "--resume", rows=1000)
    _, words = done.communicate(timeout=120)
    assert done.returncode == 0, words
    with psycopg.connect(url, autocommit=True) as fresh:
        assert fresh.execute("SELECT count(*), count(DISTINCT id) FROM scores").fetchone() == (ROWS, ROWS)
        assert np.array_equal(scores_of(fresh, scorer), expected_of(fresh, scorer))
        fresh.execute("DROP TABLE scores, scoring_jobs")
    connection.close()


def _start_again(postgres: Any) -> None:
    """Start a server whose master was killed: its children have to end first."""
    deadline = time.monotonic() + 30
    while True:
        try:
            postgres.start()
        except AssertionError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        else:
            return


@pytest.mark.usefixtures("slow")
def test_a_second_run_takes_the_job_over_and_no_row_is_twice(
    url: str, connection: Any, scorer: scoring.Scorer
) -> None:
    connection.execute("ALTER TABLE scores DROP CONSTRAINT scores_pkey")
    first = _command(url)
    _wait_for_rows(connection, first)

    summary = beside.score(scorer, job_of(chunk_rows=200), beside.parse(url), resume=True)
    _, told = first.communicate(timeout=120)

    assert summary.before + summary.rows == ROWS
    assert first.returncode == 1, told
    assert b"Another run" in told, told
    assert connection.execute("SELECT count(*), count(DISTINCT id) FROM scores").fetchone() == (ROWS, ROWS)


def test_a_dry_run_prints_and_writes_nothing(url: str, connection: Any) -> None:
    process = _command(url, "--dry-run")
    shown, words = process.communicate(timeout=60)

    assert process.returncode == 0, words
    assert len(shown.splitlines()) == 11
    assert shown.split()[:2] == [b"id", b"cool_cond_y.3"]
    assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)
