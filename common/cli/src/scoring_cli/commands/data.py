"""`scoring data`: write the data set of a recipe to a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring_cli.console import columns, emit, next_command, progress, say

if TYPE_CHECKING:
    from polars import DataFrame

SUMMARY = "Write the data set of a recipe to a file."

EXAMPLES = """Examples:

\b
  scoring data
  scoring data simulated-hydraulic -o rig.csv
  scoring data uci-hydraulic --source archive.zip -o cycles.parquet"""


def command(
    recipe: Annotated[str | None, typer.Argument(metavar="RECIPE", help="The recipe's name.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to: .csv, .tsv, .parquet or .ndjson."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where the recipe's files are, if it needs some.")
    ] = None,
) -> None:
    """Write the rows of a data recipe, answers included, to a file; without a name, list the recipes.

    The file serves as DATA of `scoring experiment` and of `scoring score`.
    """
    from experiment import catalogue
    from experiment.recipe import find_recipe

    if recipe is None:
        emit(columns([(known.name, known.summary) for known in catalogue().values()], indent=""))
        return
    if output is None:
        raise typer.BadParameter("say where to with -o FILE", param_hint="'--output'")
    found = find_recipe(recipe)
    with progress() as step:
        table = found.load(source, step)
        _write(table.frame, output)
    say(f"{output}: {table.frame.height:,} rows, {table.frame.width} columns. {table.source}")
    if table.attribution:
        say(table.attribution)
    next_command(
        *("scoring", "experiment", str(output), "--target", found.default_target),
        *("--drop", ",".join(name for name in table.targets if name != found.default_target)),
        *("-o", f"{output.stem}.pipeline"),
    )


def _write(frame: "DataFrame", path: Path) -> None:
    from scoring import Problem
    from scoring.draft import drafted

    writers: dict[str, Callable[[Path], object]] = {
        ".csv": frame.write_csv,
        ".tsv": lambda draft: frame.write_csv(draft, separator="\t"),
        ".parquet": frame.write_parquet,
        ".ndjson": frame.write_ndjson,
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise Problem(
            "data_format", 400, f"{path.name!r} does not say its format.", f"Name it {', '.join(writers)}."
        )
    with drafted(path) as draft:
        write(draft)
