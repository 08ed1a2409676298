"""`scoring sql`: score with SQL, in SQL and next to a database."""

from typing import Any

import typer
from typer.core import TyperGroup

from scoring_cli.commands.sql import compiled, query, score

SUMMARY = "Score with SQL: embedded, compiled, or next to a database."

EXAMPLES = """Examples:

\b
  scoring sql cooler.pipeline "select *, score(t) from 'cycles.parquet' t"
  scoring sql score cooler.pipeline --source rig --query "select * from cycles" --id cycle --into scores
  scoring sql compile cooler.pipeline --dialect postgres --form function -o score.sql

`scoring sql COMMAND --help` explains a command."""


class _Group(TyperGroup):
    """Takes an artifact in the place of a command for a query over it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and "query" in self.commands:
            args = ["query", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Group, no_args_is_help=True, rich_markup_mode=None, short_help=SUMMARY, epilog=EXAMPLES, help=SUMMARY
)

for _name, _module in {"query": query, "score": score, "compile": compiled}.items():
    app.command(_name, short_help=_module.SUMMARY, epilog=_module.EXAMPLES)(_module.command)
