"""`scoring new-template`: begin a template for a target that has none."""

from pathlib import Path
from typing import Annotated

import typer

SUMMARY = "Begin a template for another target, from the skeleton."

EXAMPLES = """Examples:

\b
  scoring new-template azure-functions-scorer --target "Azure Functions"
  scoring new-template ship-scorer --target "A box on a ship" --into ~/templates"""


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name and directory; ends in -scorer.")],
    target: Annotated[str, typer.Option(metavar="WORDS", help="Where it deploys to, in plain words.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="The directory that gets it; by default this one.")
    ] = Path(),
) -> None:
    """Make a template that works already, for you to change.

    It is the skeleton under another name: a process on this host. All contract tests pass from the start, so
    each step that takes it to its own target shows at once what it breaks. CONTRIBUTING has the six steps.
    """
    from deployment.birth import born

    from scoring_cli.console import emit, next_command

    made = born(name, target, into)
    emit(str(made))
    next_command("pytest", "tests/contract", "-k", name)
