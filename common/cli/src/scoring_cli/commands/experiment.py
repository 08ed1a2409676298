"""`scoring experiment`: train a scoring pipeline from a table and say how good it is."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring_cli.commands.score import split_names
from scoring_cli.console import columns, emit, next_command, progress, say

if TYPE_CHECKING:
    from experiment import Result

SUMMARY = "Train a scoring pipeline and say how good it is."

EXAMPLES = """Examples:

\b
  scoring experiment cooler.csv --target cond -o cooler.pipeline --report cooler.html
  scoring experiment sales.parquet --target amount --time day --budget 300 -o sales.pipeline
  scoring experiment --recipe simulated-hydraulic -o demo.pipeline"""


def command(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Rows with a known target: .csv, .tsv, .parquet or .ndjson."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column to predict; a recipe has one of its own."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PIPELINE", help="The artifact to write, *.pipeline."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report, one HTML file that needs no other.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Test with these rows instead of a random quarter.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Rows with the same value stay on one side of the split."),
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Test with the latest rows by this column.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0.0, metavar="SECONDS", help="How much time the search may plan for.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another split and forest.")] = 1,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="A data set by name, instead of DATA.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where the recipe's files are, if it needs some.")
    ] = None,
    drop: Annotated[str, typer.Option(metavar="A,B", help="Columns to leave out.")] = "",
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON with types, categories and missing tokens.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the predictions of all held-out rows as CSV.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads; 0 takes all cores. Any number gives the same.")
    ] = 0,
) -> None:
    """Train a scoring pipeline and say how good it is.

    Features are searched, a forest is trained and tested on rows that neither has seen. The same data,
    options and seed give the same artifact, byte for byte. -o may be left out to only see the metrics.
    """
    _check_folders(report, predictions, output)
    import experiment

    with progress() as step:
        result = experiment.run(
            data,
            target,
            output,
            test=test,
            group=group,
            time=time,
            budget=budget,
            seed=seed,
            recipe=recipe,
            source=source,
            drop=split_names(drop),
            schema=schema,
            predictions=predictions,
            threads=threads or os.cpu_count() or 1,
            progress=step,
        )
        if report is not None:
            from experiment.report import write

            step("write the report", 0, 0)
            write(result, output, report)
    _show(result, {"artifact": output, "report": report, "predictions": predictions})
    if output is None:
        say("No artifact is written; say -o NAME.pipeline for one.")
        next_command("scoring", "experiment", "--help")
    else:
        next_command("scoring", "inspect", str(output))


def _check_folders(*files: Path | None) -> None:
    """Refuse files in folders that do not exist before time is spent on them."""
    from scoring import Problem

    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            hint = f"Make it first: mkdir -p {file.parent}"
            raise Problem("no_such_folder", 400, f"The folder of {file} does not exist.", hint)


def _show(result: "Result", files: dict[str, Path | None]) -> None:
    from experiment.report import metrics

    from scoring_cli.scorecard import SIMULATED, scorecard

    labels = f", labels {', '.join(result.labels)}" if result.labels else ""
    emit(f"{result.name}: {result.task}, target {result.target}{labels}")
    forest = f"{result.trees:,} trees, {len(result.features):,} features of {len(result.columns):,} inputs"
    emit(columns([("data", result.source), ("split", result.split), ("forest", forest)]))
    emit(scorecard({**metrics(result), "plain_lightgbm_test_loss": result.baseline_loss}))
    if result.warnings:
        emit("Cautions")
        emit(columns([(caution.code, caution.detail) for caution in result.warnings]))
    if result.simulated:
        emit(SIMULATED)
    written = [(kind, str(file), f"{file.stat().st_size:,} bytes") for kind, file in files.items() if file]
    if written:
        emit("Files")
        emit(columns(written))
