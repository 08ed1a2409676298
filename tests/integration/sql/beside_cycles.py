# ruff: noqa: E501 -- statements are left whole
"""Scoring next to PostgreSQL: the example's cycles as a table, jobs over it, and what they should give."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import scoring
from scoring_sql import beside

EXAMPLE = Path(__file__).parents[3] / "local-rest-scorer" / "example" / "cooler.pipeline"
ROWS = 3000
QUERY = "SELECT * FROM cycles"


def table_of(name: str, scorer: scoring.Scorer, rows: int, key: str = "i", more: str = "") -> str:
    columns = ", ".join(
        f"CASE WHEN i % 11 = {place % 11} THEN NULL ELSE {middle(field)} + (i * {place + 7} % 101) / 40.0::float8 END AS {field.name}"
        for place, field in enumerate(scorer.schema)
    )
    return f"CREATE TABLE {name} AS SELECT {key} AS id, {columns}{more} FROM generate_series(1, {rows}) i"


def middle(field: scoring.Field) -> float:
    return ((field.minimum or 0) + (field.maximum or 0)) / 2


def expected_of(connection: Any, scorer: scoring.Scorer, order: str = "id") -> np.ndarray:
    names = ", ".join(scorer.schema.names)
    rows = connection.execute(f"SELECT {names} FROM cycles ORDER BY {order}").fetchall()
    return scorer.outputs(np.array(rows, float))


def scores_of(connection: Any, scorer: scoring.Scorer, table: str = "scores") -> np.ndarray:
    names = ", ".join(f'"{name}"' for name in scorer.output_names)
    return np.array(connection.execute(f"SELECT {names} FROM {table} ORDER BY 1 * id").fetchall(), float)


def job_of(
    mode: str = "append",
    table: str = "scores",
    query: str = QUERY,
    keys: tuple[str, ...] = ("id",),
    **more: Any,
) -> beside.Job:
    return beside.Job(query, keys, beside.Name.parse(table), mode, **{"chunk_rows": 700, **more})


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a database, of which nothing but `cycles` stays."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
    with psycopg.connect(url, autocommit=True) as connection:  # a test may have killed the other one
        kept = "('cycles')"
        for schema, name in connection.execute(
            f"SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT LIKE 'pg\\_%' "
            f"AND schemaname <> 'information_schema' AND tablename NOT IN {kept}"
        ).fetchall():
            connection.execute(
                psycopg.sql.SQL("DROP TABLE {} CASCADE").format(psycopg.sql.Identifier(schema, name))
            )


def filled(place: str, scorer: scoring.Scorer) -> str:
    """Make `cycles` in the database at a place, and return that."""
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(table_of("cycles", scorer, ROWS))
    return place
