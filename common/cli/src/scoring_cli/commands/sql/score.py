"""`scoring sql score`: score rows of a database into a table."""

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.commands.score import Kind, split_names
from scoring_cli.console import columns, emit, next_command, progress, say

SUMMARY = "Score the rows of a query into a table, next to the database."

EXAMPLES = """Examples:

\b
  scoring sql score cooler.pipeline --source rig --query "select * from cycles" --id cycle --into scores
  scoring sql score cooler.pipeline --source rig --query "..." --id plant,cycle --into scores --mode upsert
  scoring sql score cooler.pipeline --source env:DATABASE_URL --query "..." --id cycle --into scores --dry-run

SOURCE is the name of a connection service (~/.pg_service.conf), a URL without a password, the path of a
SQLite or DuckDB file, or env:VARIABLE. Passwords come from ~/.pgpass or the variable, never from the command
line."""

_EVERY = 5.0  # seconds between lines of progress where there is no terminal


class Mode(StrEnum):
    """What happens to the rows of the table."""

    APPEND = "append"
    OVERWRITE = "overwrite"
    UPSERT = "upsert"


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    source: Annotated[str, typer.Option(metavar="SOURCE", help="The database that is read, see below.")],
    query: Annotated[
        str,
        typer.Option(metavar="SQL", help="One SELECT with key and inputs, run in a read-only transaction."),
    ],
    id: Annotated[  # noqa: A002 -- the name of the option
        str,
        typer.Option(metavar="A,B", help="Columns that together name a row: unique, never NULL; any type."),
    ],
    into: Annotated[
        str,
        typer.Option(metavar="TABLE", help="Table for key and scores, as it is spelt; made if not there."),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="TARGET", help="The database of the table, if it is another one.")
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(
            help="append adds rows; upsert changes those whose key is there; overwrite fills a table beside "
            "and changes over in one transaction: grants, indexes and views stay."
        ),
    ] = Mode.APPEND,
    chunk_rows: Annotated[int, typer.Option(min=1, help="Rows of a transaction.")] = 20_000,
    include: Annotated[str, typer.Option(metavar="A,B", help="Columns of the query to copy.")] = "",
    contributions: Annotated[
        Kind | None, typer.Option(help="Add contributions as contrib_... columns.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Score the first rows, print them, write nothing.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on behind the last committed row of this job, also of an ended one."
        ),
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Threads of the engine; 0 takes all cores.")] = 0,
) -> None:
    """Stream rows out of a database, score them and write key and scores back, in bounded memory.

    Rows come in the order of the key. Each transaction holds a chunk of rows and the job's checkpoint, a row
    of the table scoring_jobs beside TABLE: after a crash of anything, --resume goes on, and no row is lost or
    there twice.
    """
    import scoring
    from scoring_sql import beside

    keys, copied = split_names(id), split_names(include)
    kind = None if contributions is None else contributions.value
    scorer = scoring.load(pipeline)
    job = beside.Job(query, keys, beside.Name.parse(into), mode.value, chunk_rows, copied, kind)
    where = beside.parse(source)
    if dry_run:
        table = beside.preview(scorer, job, where)
        cells = [[str(value) for value in row.values()] for row in table.to_pylist()]
        emit(columns([table.schema.names, *cells], ""))
        say(f"The first {table.num_rows} rows; nothing was written.")
        return
    begin, told = time.monotonic(), time.monotonic()
    terminal = sys.stderr.isatty()
    with progress() as step:

        def watch(rows: int, seconds: float) -> None:
            nonlocal told
            line = f"{rows:,} rows written, {rows / max(seconds, 1e-9):,.0f} rows/s"
            step(line, rows, 0)
            if not terminal and time.monotonic() - told > _EVERY:
                told = time.monotonic()
                say(line)

        summary = beside.score(
            scorer,
            job,
            where,
            None if target is None else beside.parse(target),
            resume=resume,
            threads=threads,
            watch=watch,
        )
    rate = summary.rows / max(time.monotonic() - begin, 1e-9)
    more = f", {summary.before:,} before" if summary.before else ""
    say(f"{summary.rows:,} rows written to {into}{more} in {summary.seconds:.1f} s ({rate:,.0f} rows/s).")
    say(f"Guarantee: {summary.guarantee}.")
    if mode is Mode.APPEND:
        words = ["--source", source, "--query", query, "--id", id, "--into", into, "--resume"]
        next_command("scoring", "sql", "score", str(pipeline), *words)
