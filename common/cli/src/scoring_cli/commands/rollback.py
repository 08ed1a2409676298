"""`scoring rollback`: the release before the last one answers again."""

from typing import Annotated

import typer

from scoring_cli.console import emit

SUMMARY = "Go back to an earlier release."

EXAMPLES = """Examples:

\b
  scoring rollback cooler
  scoring rollback cooler --to 3f9c21d0

A second rollback goes back to where the first one came from. `scoring deployments NAME`
lists the releases."""


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The deployment.")],
    to: Annotated[
        str | None, typer.Option(metavar="RELEASE", help="A release, or the beginning of a digest.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show every attribute of the plan.")] = False,
    no_smoke: Annotated[bool, typer.Option("--no-smoke", help="Leave the test of the scores out.")] = False,
) -> None:
    """Go back to the last sound release before the current one: show the plan, ask, apply and test."""
    from deployment import outcome
    from deployment.console import Console
    from deployment.rollback import rollback

    for line in outcome.deployed(rollback(name, Console(yes), to, plan, not no_smoke)):
        emit(line)
