"""`scoring score`: score the rows of a file."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring_cli.console import next_command, progress, say, warn

if TYPE_CHECKING:
    from scoring_cli.batch import Summary

SUMMARY = "Score the rows of a file of any size."

EXAMPLES = """Examples:

\b
  scoring score cooler.pipeline new.csv -o scores.csv
  scoring score cooler.pipeline new.csv.gz -o scores.parquet --include id,plant
  scoring score cooler.pipeline new.parquet -o why.csv --contributions original
  cat new.ndjson | scoring score cooler.pipeline - -o - --format ndjson | head"""


class Kind(StrEnum):
    """Kinds of contributions."""

    ORIGINAL = "original"
    TRANSFORMED = "transformed"


class Errors(StrEnum):
    """What to do with rows that cannot be scored."""

    FAIL = "fail"
    SKIP = "skip"
    NULL = "null"


class Format(StrEnum):
    """Formats of rows."""

    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Rows to score: .csv, .tsv, .ndjson, .jsonl (each also .gz) or .parquet; - is stdin. "
            "Columns are found by name; their order does not matter and others are ignored.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="Where scores go, by extension; - is stdout.")
    ],
    include: Annotated[
        str, typer.Option(metavar="A,B", help="Columns of DATA to copy before the scores; * copies all.")
    ] = "",
    contributions: Annotated[
        Kind | None,
        typer.Option(help="Add how much each input (or each feature of the forest) moved the raw score."),
    ] = None,
    errors: Annotated[
        Errors,
        typer.Option(
            help="Rows with cells that cannot be read: stop and write nothing, leave the rows out, or keep "
            "them without scores. The latter two list them in OUT.errors.csv."
        ),
    ] = Errors.FAIL,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0 takes all cores.")] = 0,
    format: Annotated[  # noqa: A002 -- the name of the option
        Format | None, typer.Option(help="Format of stdin and stdout; csv unless said.")
    ] = None,
) -> None:
    """Score the rows of a file of any size, in bounded memory.

    The output has the copied columns, then a column TARGET.LABEL for each class (two for a yes-or-no target)
    or TARGET for a number, then contrib_INPUT and contrib_bias (contrib_LABEL.INPUT with three or more
    classes). Numbers are written so that they read back to the same bits. Rows keep their order. OUT appears
    whole or not at all; stdout gets rows as they are done.
    """
    import pyarrow as pa
    import scoring

    from scoring_cli import batch

    pa.enable_signal_handlers(False)  # its readers may swallow a Ctrl-C that comes as they end
    scorer = scoring.load(pipeline)
    options = batch.Options(
        include=split_names(include),
        contributions=None if contributions is None else contributions.value,
        errors=errors.value,
        threads=threads,
        format=None if format is None else format.value,
    )
    size, begin = _size(data), time.monotonic()

    with progress() as step:

        def watch(rows: int, done: int) -> None:
            rate = rows / max(time.monotonic() - begin, 1e-9)
            step(f"{rows:,} rows scored, {rate:,.0f} rows/s", done, size)

        summary = batch.score(scorer, data, output, options, watch)
    _report(summary, output)
    if contributions is None:
        why = "why.csv" if output == "-" else _beside(output, "why")
        next_command("scoring", "score", str(pipeline), data, "-o", why, "--contributions", "original")
    else:
        next_command("scoring", "inspect", str(pipeline))


def split_names(text: str) -> tuple[str, ...]:
    """Split names at commas; a name with a comma in it is quoted as in CSV."""
    import csv

    return tuple(name.strip() for name in next(csv.reader([text]), []) if name.strip())


def _size(data: str) -> int:
    return 0 if data == "-" or not Path(data).is_file() else Path(data).stat().st_size


def _beside(output: str, word: str) -> str:
    path = Path(output)
    return str(path.with_name(f"{word}{''.join(path.suffixes)}"))


def _report(summary: "Summary", output: str) -> None:
    for fault in summary.first:
        where = f"{summary.unit} {fault.place}" + (f", {fault.field}" if fault.field else "")
        say(f"  {where}: {fault.detail}")
    if summary.faulty_rows:
        left_out = summary.rows - summary.written
        fate = (
            f"{left_out:,} rows are left out" if left_out else f"{summary.faulty_rows:,} rows have no scores"
        )
        listed = f"; all are listed in {summary.errors_file}" if summary.errors_file else ""
        warn(f"{summary.faults:,} faults: {fate}{listed}.")
    for name, count in summary.unseen.items():
        warn(f"{count:,} cells of {name} hold a category that training did not see; scored as unseen.")
    rate = summary.rows / max(summary.seconds, 1e-9)
    place = "stdout" if output == "-" else output
    say(f"{summary.written:,} rows written to {place} in {summary.seconds:.1f} s ({rate:,.0f} rows/s).")
