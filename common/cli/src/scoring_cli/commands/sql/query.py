"""`scoring sql PIPELINE QUERY`: a query in DuckDB that scores."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.console import next_command, say

SUMMARY = "Run SQL over files and databases with a scorer's functions in it."

EXAMPLES = """Examples:

\b
  scoring sql cooler.pipeline "select *, score(t) from 'cycles.parquet' t"
  scoring sql cooler.pipeline "select cycle, unnest(score(t)) from 'cycles.csv' t" -o scores.parquet
  scoring sql cooler.pipeline "select score_label(t), count(*) from 'cycles.csv' t group by all"
  scoring sql cooler.pipeline "select c.id, score(c) from rig.cycles c" --attach rig=rig.sqlite"""


class Format(StrEnum):
    """Formats of rows on stdout."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="DuckDB's SQL; files are tables: 'cycles.parquet', 'cycles.csv'."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File for the rows: .csv, .tsv, .parquet, .arrow, .ndjson; else stdout.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 -- the name of the option
        Format, typer.Option(help="How rows are printed; json is a line for each row.")
    ] = Format.TABLE,
    attach: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=ADDRESS",
            help="Another database that the query calls NAME: a SQLite or DuckDB file, a connection service "
            "of PostgreSQL, a URL without a password, or env:VARIABLE. May be given several times.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0 takes all cores.")] = 0,
) -> None:
    """Run SQL in an embedded DuckDB in which the scorer is a function.

    score(t) takes a row, such as the alias of a table, whose columns are found by name, or the inputs in
    order; it gives a struct with a member for each output, TARGET.LABEL. unnest(score(t)) gives columns,
    score_label(t) the label with the highest output, contribution(t) what each input added to the raw score.
    NULL is a missing value. CSV and tables show a struct as columns.
    """
    import scoring
    from scoring_sql.embedded.query import Session

    attached = dict(_pair(text) for text in attach or [])
    with Session(scoring.load(pipeline), attached, threads) as session:
        result = session.run(query)
        for note in session.notes:
            say(note)
        if result is None:
            if output is not None:
                raise scoring.Problem(
                    "query_refused", 422, "The last statement gives no rows.", "End with a SELECT."
                )
            return
        if output is None:
            result.show(sys.stdout, format.value)
            return
        result.write(output)
        del result
    say(f"Rows written to {output}.")
    if output.suffix.lower() in (".csv", ".parquet"):
        next_command("scoring", "sql", str(pipeline), f"from '{output}' limit 10")


def _pair(text: str) -> tuple[str, str]:
    name, found, address = text.partition("=")
    if not found or not address:
        from scoring import Problem

        raise Problem("wrong_usage", 422, f"--attach is {text!r}.", "Write NAME=ADDRESS: rig=rig.sqlite.")
    return name, address
