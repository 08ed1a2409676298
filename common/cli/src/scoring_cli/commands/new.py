"""`scoring new`: take one template out, with all that it needs."""

from pathlib import Path
from typing import Annotated

import typer

SUMMARY = "Copy a template, with all that it needs to work alone."

EXAMPLES = """Examples:

\b
  scoring new aws-lambda-scorer cooler-lambda --pipeline cooler.pipeline
  scoring new local-rest-scorer ~/services/cooler"""


def command(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="Name or directory of a template.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The copy; not there yet, or empty.")],
    pipeline: Annotated[
        Path | None,
        typer.Option(metavar="PIPELINE", help="The artifact that the copy deploys when it is told no other."),
    ] = None,
) -> None:
    """Copy a template to a directory of your own, from where it works without this checkout.

    The copy holds the template's files and the wheels of this project that it needs, and nothing that was
    made: no packages, no environments, no Terraform state.
    """
    from deployment.replica import replicate
    from deployment.search import find_template

    from scoring_cli.console import emit, next_command, say

    emit(str(replicate(find_template(template), folder, pipeline, say)))
    next_command("make", "-C", str(folder), "deploy")
