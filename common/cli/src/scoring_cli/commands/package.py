"""`scoring package`: make what a template's recipe needs."""

from typing import Annotated

import typer

from scoring_cli.console import emit, next_command, say

SUMMARY = "Make what a template's recipe needs."

EXAMPLES = """Examples:

\b
  scoring package aws-lambda-scorer
  scoring package aws-lambda-scorer arch=x86_64

Prints the files that were made. What they hold, how large the parts are and how much of the template's budget
they use is told on stderr."""


def command(
    template: Annotated[
        str,
        typer.Argument(metavar="TEMPLATE", help="A template's directory, or the name of one near here."),
    ],
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Options of the template's builder.")
    ] = None,
) -> None:
    """Make what a template's recipe needs: the package of a function, the context of an image.

    In a checkout, the wheels of this project are built from their sources into the template's vendor folder
    first. Nothing is built while a recipe is applied.
    """
    from deployment.package import as_options, package
    from deployment.search import find_template

    found = find_template(template)
    made = package(found, as_options(options or ()), say)
    for path in made.paths:
        emit(str(path))
    next_command("scoring", "deploy", template, "--pipeline", "FILE", "--name", found.name)
