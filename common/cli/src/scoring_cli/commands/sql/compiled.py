"""`scoring sql compile`: write a scoring pipeline as plain SQL."""

from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.console import emit, next_command, say

SUMMARY = "Write a scoring pipeline as plain SQL, for databases that take no extension."

EXAMPLES = """Examples:

\b
  scoring sql compile cooler.pipeline --dialect postgres --form function -o score.sql
  scoring sql compile cooler.pipeline --dialect bigquery --table rig.cycles --include cycle

Dialects: postgres, duckdb, sqlite, mysql, bigquery, snowflake, redshift, spark, tsql, oracle; which of them
were run and which only parsed is said in docs/sql-compiled.md."""


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    dialect: Annotated[str, typer.Option(metavar="DIALECT", help="The database's SQL, see below.")],
    form: Annotated[
        str, typer.Option(metavar="query|view|function", help="What to write; functions: postgres only.")
    ] = "query",
    table: Annotated[str, typer.Option(metavar="TABLE", help="The table with the inputs.")] = "data",
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the view or function.")] = "scores",
    include: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Columns that go through beside the outputs; default: the inputs."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for the SQL, else stdout.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Raw scores in place of outputs.")] = False,
) -> None:
    """Write transforms, trees and link function as SQL that gives the engine's scores.

    Raw scores are the engine's to the last bit and outputs within one unit in the last place, on the
    databases that the tests run. Every tree is interpreted for every row: ten to a hundred times slower than
    the engine. A statement that the database does not bear is refused with its size.
    """
    import scoring
    from scoring.draft import drafted
    from scoring_sql.compiled import compile_sql

    columns = None if include is None else [part.strip() for part in include.split(",") if part.strip()]
    made = compile_sql(scoring.load(pipeline), dialect, form, table, name, columns, raw)
    if output is None:
        emit(made.sql.rstrip("\n"))
        return
    with drafted(output) as draft:
        draft.write_text(made.sql, encoding="utf-8")
    say(f"{made.trees} trees, {made.size:,} bytes of {made.dialect.label}: {output}")
    if dialect == "postgres":
        next_command("psql", "-f", str(output))
