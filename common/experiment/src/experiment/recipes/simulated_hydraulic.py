"""Simulated cycles of a hydraulic test rig: 17 sensor means and five labels, nothing to download."""

import hashlib
from pathlib import Path

import polars as pl
from scoring.problem import Problem

from experiment.progress import Progress
from experiment.recipe import Recipe
from experiment.result import Caution
from experiment.simulator import LABELS, VERSION, simulate
from experiment.table import Table

NAME = "simulated-hydraulic"


def load(source: Path | None, progress: Progress) -> Table:
    """Simulate 2,205 cycles, always the same ones."""
    if source is not None:
        raise Problem("source_not_used", 400, f"The recipe {NAME} reads no source.", "Leave --source out.")
    progress("simulate the test rig", 0, 1)
    columns = simulate()
    frame = pl.DataFrame(
        {name: values.astype("int64") if name in LABELS else values for name, values in columns.items()}
    )
    progress("simulate the test rig", 1, 1)
    return Table(
        frame,
        NAME,
        f"SIMULATED hydraulic test rig, {frame.height} cycles: no measured data",
        hashlib.sha256(f"{NAME} {VERSION}".encode()).hexdigest(),
        simulated=True,
        attribution="Simulated by this project's own simulator; no measured data is in it.",
        targets=LABELS,
        cautions=(
            Caution(
                "simulated",
                "The data is simulated: the numbers tell nothing about a real rig.",
            ),
        ),
    )


RECIPE = Recipe(
    NAME,
    "simulated cycles of a hydraulic test rig; works offline",
    LABELS,
    "cool_cond_y",
    load,
)
