"""`scoring verify`: check that an artifact is whole and still answers what it answered."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scoring_cli.console import emit, next_command, say

SUMMARY = "Check an artifact and score its samples again."

EXAMPLES = """Examples:

\b
  scoring verify cooler.pipeline
  scoring verify cooler.pipeline --json"""


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every digest of an artifact and score its sample rows again, bit for bit.

    Prints a line for each check, ok or fail, and exits with 1 if one failed.
    """
    import scoring

    try:
        found = scoring.load(pipeline).verify()
    except scoring.Problem as problem:
        if not pipeline.is_file():
            raise
        _show({"ok": False, "faults": [str(problem)]}, [], as_json)
        raise typer.Exit(1) from None
    passed = [
        f"{found.members} members have the digests that the manifest names",
        f"{found.rows} sample rows give the same bits, alone and in a batch",
        f"sha256 {found.digest}",
    ]
    _show(found.to_dict(), passed, as_json)
    if not found.ok:
        raise typer.Exit(1)
    if not found.rows:
        say("The artifact carries no sample rows, so nothing was scored.")
    next_command("scoring", "sample", str(pipeline))


def _show(body: dict[str, Any], passed: list[str], as_json: bool) -> None:
    if as_json:
        emit(json.dumps(body, indent=2))
    elif body["ok"]:
        emit("\n".join(f"ok    {line}" for line in passed))
    else:
        emit("\n".join(f"fail  {fault}" for fault in body["faults"]))
    if not body["ok"]:
        say("What to do: fetch the artifact again, or pack the model again.")
