"""`scoring logs`: show what a deployment logs."""

from typing import Annotated

import typer

SUMMARY = "Show the logs of a deployment."

EXAMPLES = """Examples:

\b
  scoring logs cooler
  scoring logs cooler -- --since 10m

What follows -- is given to the recipe's own command."""


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The deployment.")],
    extra: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENTS]", help="More for that command, after --."),
    ] = None,
) -> None:
    """Show the logs of a deployment with the command that its recipe gives; Ctrl-C ends it."""
    from deployment.inspection import logs

    code = logs(name, tuple(extra or ()))
    if code:
        raise typer.Exit(code)
