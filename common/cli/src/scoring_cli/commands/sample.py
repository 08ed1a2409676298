"""`scoring sample`: print a request that the artifact answers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.console import emit, next_command

SUMMARY = "Print a request that an artifact answers."

EXAMPLES = """Examples:

\b
  scoring sample cooler.pipeline > request.json
  curl -d @request.json -H 'content-type: application/json' http://localhost:8080/model/score"""


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
) -> None:
    """Print a sample request as JSON: the body for POST /model/score of a deployment.

    Its row is a real one if the artifact carries sample rows, else it is made of the fields' examples.
    """
    import scoring
    from scoring.contract import sample_request

    request = json.loads(sample_request(scoring.load(pipeline)))
    emit(json.dumps(request, indent=2, ensure_ascii=False))
    next_command("scoring", "score", str(pipeline), "DATA", "-o", "scores.csv")
