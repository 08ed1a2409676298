"""Measured cycles of a hydraulic test rig: UCI data set 447, read from a file or fetched once."""

import hashlib
from pathlib import Path

import polars as pl
from scoring.problem import Problem

from experiment.download import cache_dir, fetch
from experiment.progress import Progress
from experiment.recipe import Recipe
from experiment.result import Caution
from experiment.table import Table, file_digest, read_table
from experiment.uci_archive import LABELS, SENSORS, read_cycles

NAME = "uci-hydraulic"
URL = "https://archive.ics.uci.edu/static/public/447/condition+monitoring+of+hydraulic+systems.zip"
# About 73 MB. No digest is published, so the size must be plausible and the zip's own checksums must hold.
LEAST, MOST = 40_000_000, 200_000_000
ATTRIBUTION = (
    "Condition monitoring of hydraulic systems; N. Helwig, E. Pignanelli, A. Schuetze (ZeMA gGmbH); "
    "UCI Machine Learning Repository, data set 447, DOI 10.24432/C5CW21; CC BY 4.0."
)
REMEDY = (
    f"Fetch {URL} on a machine with a network and pass the zip or the unpacked folder with --source, "
    "or try --recipe simulated-hydraulic, which needs no network."
)


def load(source: Path | None, progress: Progress) -> Table:
    """Read cycle means from UCI's zip or folder or a prepared table; without a source fetch the zip."""
    if source is None:
        source = fetch(URL, cache_dir() / "uci-447.zip", progress, least=LEAST, most=MOST, remedy=REMEDY)
    if not source.exists():
        raise Problem("source_missing", 404, f"There is no file or folder {str(source)!r}.", REMEDY)
    if source.suffix.lower() in {".csv", ".tsv", ".parquet"}:
        return _prepared(source)
    cycles = read_cycles(source, progress)
    cautions: tuple[Caution, ...] = ()
    if cycles.absent:
        detail = f"{len(cycles.absent)} of 17 sensors have no file here and are no inputs: "
        cautions = (Caution("partial_data", detail + ", ".join(cycles.absent) + "."),)
    digest = file_digest(source) if source.is_file() else _frame_digest(cycles.frame)
    return _table(cycles.frame, digest, cautions)


def _prepared(source: Path) -> Table:
    table = read_table(source)
    known = [name for name, _ in SENSORS.values() if name in table.frame.columns]
    absent = [label for label in LABELS if label not in table.frame.columns]
    if absent or not known:
        raise Problem(
            "source_invalid",
            400,
            f"{source.name!r} is not a table of cycle means: it lacks {', '.join(absent) or 'every sensor'}.",
            "Give UCI's zip or folder, or a table with the 17 means and 5 labels.",
        )
    return _table(table.frame.select([*known, *LABELS]), table.digest, table.cautions)


def _table(frame: pl.DataFrame, digest: str, cautions: tuple[Caution, ...]) -> Table:
    return Table(frame, NAME, ATTRIBUTION, digest, attribution=ATTRIBUTION, targets=LABELS, cautions=cautions)


def _frame_digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()


RECIPE = Recipe(
    NAME,
    "measured cycles of a hydraulic test rig (UCI, CC BY 4.0); downloads 73 MB or reads --source",
    LABELS,
    "cool_cond_y",
    load,
)
