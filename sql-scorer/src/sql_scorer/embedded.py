"""Embedded: score a file, or the artifact's own samples, with SQL in a DuckDB inside this process."""

import csv
import json
import sys
from pathlib import Path
from typing import Any, Final

import duckdb
import scoring
from scoring import contract
from scoring.problem import Problem
from scoring.scorer import Scorer
from scoring_sql.embedded import register

QUERY: Final = "SELECT t.*, unnest(score(t)) FROM data t"
"""What is asked unless something else is: all columns of the file, and a column for each output."""

_BATCH: Final = 10_000


def run(pipeline: Path, data: str | None, query: str | None, out: Any = None) -> int:
    """Write the answer of a query as CSV to `out`, by default stdout; return the exit code.

    `data` is a file that DuckDB reads by its name: CSV, Parquet or JSON. The query knows it as the table
    `data`, and the functions of `scoring_sql.embedded`.

    Raises:
        Problem: the file cannot be read, or the query cannot be answered.
    """
    scorer = scoring.load(pipeline)
    with duckdb.connect() as connection:
        register(connection, scorer)
        try:
            _open(connection, scorer, data)
            found = connection.execute(query or QUERY)
            writer = csv.writer(out or sys.stdout, lineterminator="\n")
            writer.writerow([column[0] for column in found.description or ()])
            while rows := found.fetchmany(_BATCH):
                writer.writerows(rows)
        except duckdb.Error as fault:
            hint = "The file is the table `data`; score(t) scores a row t of it."
            raise Problem("query_failed", 400, f"DuckDB refused: {str(fault).strip()}.", hint) from None
    return 0


def _open(connection: duckdb.DuckDBPyConnection, scorer: Scorer, data: str | None) -> None:
    """Make the table `data`: a view of the file, or the samples that the artifact carries."""
    if data is not None:
        name = data.replace("'", "''")
        connection.execute(f"CREATE VIEW data AS SELECT * FROM '{name}'")  # noqa: S608 -- escaped above
        return
    names = ", ".join('"{}" VARCHAR'.format(name.replace('"', '""')) for name in scorer.schema.names)
    connection.execute(f"CREATE TABLE data ({names})")
    marks = ", ".join("?" * len(scorer.schema))
    rows = scorer.artifact.samples["rows"] or json.loads(contract.sample_request(scorer))["rows"]
    connection.executemany(f"INSERT INTO data VALUES ({marks})", [list(row) for row in rows])  # noqa: S608 -- marks alone
