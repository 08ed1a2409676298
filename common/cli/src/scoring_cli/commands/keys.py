"""`scoring keys`: make an API key for a server."""

from typing import Annotated

import typer

SUMMARY = "Make an API key."

EXAMPLES = """Examples:

\b
  scoring keys alice >> keys
  scoring serve cooler.pipeline --api-keys keys

The key is shown once, on stderr; the line for the file, on stdout, has its name and digest only. A running
server takes up the changed file by itself. To take a key back, remove its line."""


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Whose key it is: letters, digits and . _ @ - only.")
    ],
) -> None:
    """Make an API key: show it once, and print the line that a server's file of keys takes."""
    from server.keys import new

    from scoring_cli.console import say

    try:
        key, line = new(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    say(f"The key of {name}, which is shown only now: {key}")
    typer.echo(line, nl=False)
