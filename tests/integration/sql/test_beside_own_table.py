"""A table that is written over by a run that reads it, and what other transactions see of the change-over."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
import scoring
from scoring_sql import beside

EXAMPLE = Path(__file__).parents[3] / "local-rest-scorer" / "example" / "cooler.pipeline"
ROWS = 500
WAITING = " options='-c lock_timeout=15s'"
"""What ends a run that waits for itself."""


@pytest.fixture
def url(postgres: Any) -> str:
    """A database with rows in `cycles` that were scored into `scores`, inputs and all."""
    place: str = postgres.database("own_table")
    scorer = scoring.load(EXAMPLE)
    columns = ", ".join(f"{field.example}::float8 + i / 1000.0 AS {field.name}" for field in scorer.schema)
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS cycles, scores, scoring_jobs")
        made = f"CREATE TABLE cycles AS SELECT i AS id, {columns} FROM generate_series(1, {ROWS}) i"
        connection.execute(made)
    beside.score(scorer, job("SELECT * FROM cycles"), beside.parse(place))
    return place


def job(query: str) -> beside.Job:
    names = tuple(field.name for field in scoring.load(EXAMPLE).schema)
    return beside.Job(query, ("id",), beside.Name.parse("scores"), "overwrite", include=names, chunk_rows=200)


def test_a_table_is_overwritten_by_a_query_that_reads_it(url: str) -> None:
    query = "SELECT * FROM scores WHERE id > 100"

    summary = beside.score(scoring.load(EXAMPLE), job(query), beside.parse(url + WAITING))

    assert summary.rows == ROWS - 100
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*), min(id) FROM scores").fetchone() == (ROWS - 100, 101)


def test_who_sees_what_of_the_change_over(url: str) -> None:
    with psycopg.connect(url) as earlier, psycopg.connect(url) as plain:
        earlier.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        earlier.execute("SELECT 1 FROM cycles LIMIT 1")  # takes the snapshot
        plain.execute("SELECT 1 FROM cycles LIMIT 1")

        beside.score(scoring.load(EXAMPLE), job("SELECT * FROM cycles WHERE id <= 7"), beside.parse(url))

        assert plain.execute("SELECT count(*) FROM scores").fetchone() == (7,)
        assert earlier.execute("SELECT count(*) FROM scores").fetchone() == (0,)  # neither old nor new
