"""`scoring smoke`: compare the scores of a deployment with those of its artifact here."""

from typing import Annotated

import typer

from scoring_cli.console import next_command

SUMMARY = "Test that a deployment scores as its artifact does here."

EXAMPLES = """Examples:

\b
  scoring smoke cooler
  scoring smoke cooler || scoring rollback cooler --yes"""


def command(name: Annotated[str, typer.Argument(metavar="NAME", help="The deployment.")]) -> None:
    """Send the sample request to a deployment and compare its scores with those here, byte for byte."""
    from deployment.console import Console
    from deployment.inspection import check

    check(name, Console())
    next_command("scoring", "logs", name)
