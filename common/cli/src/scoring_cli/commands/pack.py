"""`scoring pack`: freeze a trained model in an artifact."""

from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.commands.score import split_names
from scoring_cli.console import emit, next_command

SUMMARY = "Freeze a trained LightGBM model in an artifact."

EXAMPLES = """Examples:

\b
  scoring pack model.txt -o cooler.pipeline
  scoring pack model.txt -o cooler.pipeline --target cond --labels bad,fair,good --schema schema.json

schema.json says what the model's file does not: {"plan": {"type": "Str", "categories": ["basic", "plus"]}}.
To pack a fitted scikit-learn pipeline, call scoring.pack(model, "cooler.pipeline") in Python."""


def command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model as Booster.save_model writes it (text).")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PIPELINE", help="The artifact to write, *.pipeline.")
    ],
    schema: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON with types, categories and missing tokens of the inputs."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to call the pipeline; else the file's name."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Classes in the order of the model's outputs.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="NAME", help="What is predicted; begins the names of the outputs.")
    ] = None,
) -> None:
    """Freeze a trained LightGBM model in an artifact.

    The artifact is scored with at once and must give what the model's own text says, or nothing is written.
    """
    import scoring

    packed = scoring.pack(
        str(model),
        output,
        name=name,
        labels=None if labels is None else split_names(labels),
        target=target,
        schema=schema,
    )
    manifest = packed.manifest
    inputs, outputs = len(manifest.schema.inputs), len(manifest.schema.outputs)
    emit(f"{output}: {manifest.task}, {inputs} inputs, {outputs} outputs, {len(packed.data):,} bytes")
    emit(f"sha256 {packed.digest}")
    next_command("scoring", "verify", str(output))
