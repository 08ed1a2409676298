"""`scoring destroy`: remove a deployment."""

from typing import Annotated

import typer

SUMMARY = "Remove a deployment."

EXAMPLES = """Examples:

\b
  scoring destroy cooler
  scoring destroy cooler --yes

What the recipe did not make, such as a bucket of your own, stays. After an interruption or a failure the
same command goes on."""


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The deployment.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show every attribute of what goes.")] = False,
) -> None:
    """Remove a deployment: show what goes, ask, remove it, and forget its record, state and artifacts."""
    from deployment.console import Console
    from deployment.destroy import destroy

    destroy(name, Console(yes), plan)
