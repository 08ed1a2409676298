"""The page of the `scoring` command: what `--help` says, for every command."""

from collections.abc import Iterator
from typing import Any

import typer
from scoring_cli.main import app

WIDTH = 100


def page() -> str:
    """Write the page."""
    lines = [
        "# The command line",
        "",
        "What `scoring COMMAND --help` says. Results go to stdout, everything else to stderr. Exit codes:",
        "0 well, 1 a problem (what, where and what to do are said), 2 wrong usage, 130 stopped by Ctrl-C.",
    ]
    for name, text in helps(typer.main.get_command(app), "scoring", None):
        lines += ["", f"## `{name}`", "", "```text", text.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """Give the name and the help of a command and of those below it."""
    context = command.context_class(command, info_name=name, parent=parent, terminal_width=WIDTH)
    yield context.command_path, command.get_help(context)
    for each, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from helps(below, each, context)
