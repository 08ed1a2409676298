"""`scoring inspect`: say what an artifact is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.console import emit, next_command

SUMMARY = "Say what an artifact is."

EXAMPLES = """Examples:

\b
  scoring inspect cooler.pipeline
  scoring inspect cooler.pipeline --json | jq .inputs"""


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what an artifact is: target, labels, inputs, outputs, forest, metrics and the data behind them."""
    from scoring import Artifact

    from scoring_cli.card import card, describe

    artifact = Artifact.read(pipeline)
    emit(json.dumps(describe(artifact), indent=2, ensure_ascii=False) if as_json else card(artifact))
    next_command("scoring", "verify", str(pipeline))
