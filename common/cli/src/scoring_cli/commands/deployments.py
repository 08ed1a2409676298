"""`scoring deployments`: list the deployments, or say all about one."""

import json
from typing import Annotated

import typer

from scoring_cli.console import emit, next_command, say

SUMMARY = "List the deployments, or show one."

EXAMPLES = """Examples:

\b
  scoring deployments
  scoring deployments cooler --json | jq .history
  export API_KEY="$(scoring deployments cooler --show-key)"

States: applying, ready, failed and destroying; (interrupted) says that no run is at work on it any more."""


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One deployment only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    show_key: Annotated[
        bool, typer.Option("--show-key", help="Print the API key of NAME and nothing else.")
    ] = False,
) -> None:
    """List the deployments with state, age, digest and address, or show one with its settings and history."""
    from deployment import inspection, outcome

    if name is None:
        if show_key:
            raise typer.BadParameter("name the deployment whose key is to be shown")
        found = inspection.listing()
        if as_json:
            emit(json.dumps(found, indent=2))
        elif not found:
            say("There are no deployments yet.")
            next_command("scoring", "deploy", "TEMPLATE", "--pipeline", "FILE")
        else:
            emit("\n".join(outcome.table(found)))
    elif show_key:
        emit(inspection.api_key(name))
    else:
        one = inspection.find(name)
        emit(json.dumps(one, indent=2) if as_json else "\n".join(outcome.card(one)))
