"""The public archive of the hydraulic data set: reading its text files and turning them into cycle means."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import polars as pl
from scoring.problem import Problem

from experiment.progress import Progress
from experiment.result import Floats

SENSORS = {
    "PS1": ("psa_bar", 6000), "PS2": ("psb_bar", 6000), "PS3": ("psc_bar", 6000), "PS4": ("psd_bar", 6000),
    "PS5": ("pse_bar", 6000), "PS6": ("psf_bar", 6000), "FS1": ("fsa_vol_flow", 600),
    "FS2": ("fsb_vol_flow", 600), "TS1": ("tsa_temp", 60), "TS2": ("tsb_temp", 60), "TS3": ("tsc_temp", 60),
    "TS4": ("tsd_temp", 60), "EPS1": ("pump_eff", 6000), "VS1": ("vs_vib", 60), "CE": ("cool_eff_pct", 60),
    "CP": ("cool_pwr_pct", 60), "SE": ("eff_fact_pct", 60),
}  # fmt: skip
"""File name without its ending -> (column of the means, samples a cycle)."""
LABELS = ("cool_cond_y", "valve_cond_y", "pump_leak_y", "acc_gas_leak_y", "stable_y")
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Cycles:
    """One row a cycle: the mean of each sensor that was there, and the labels."""

    frame: pl.DataFrame
    absent: tuple[str, ...]
    """Columns whose files were not there."""


def read_cycles(source: Path, progress: Progress) -> Cycles:
    """Read a zip or folder with the archive's text files; sensors without a file are left out.

    Raises Problem when labels are missing, a file has the wrong shape or nothing can be recognised.
    """
    with _members(source) as members:
        if "profile" not in members:
            raise Problem(
                "source_invalid",
                400,
                f"{source.name!r} has no profile.txt, which holds the labels.",
                "Give the archive of UCI data set 447 as a zip or as an unpacked folder.",
            )
        present = [name for name in SENSORS if name in members]
        if not present:
            raise Problem("source_invalid", 400, f"{source.name!r} has no sensor file such as TS1.txt.")
        labels = _numbers(members["profile"], "profile.txt", len(LABELS)).astype(np.int64)
        columns: dict[str, Floats] = {}
        for done, name in enumerate(present):
            progress("read the sensors", done, len(present))
            column, samples = SENSORS[name]
            values = _numbers(members[name], f"{name}.txt", samples)
            if len(values) != len(labels):
                raise Problem(
                    "source_invalid",
                    400,
                    f"{name}.txt has {len(values)} cycles, profile.txt {len(labels)}.",
                    "The files belong to different versions, or one is cut short: fetch them again.",
                )
            columns[column] = values.mean(axis=1)
        progress("read the sensors", len(present), len(present))
    ordered = {column: columns[column] for column, _ in SENSORS.values() if column in columns}
    frame = pl.DataFrame(ordered | {label: labels[:, k] for k, label in enumerate(LABELS)})
    return Cycles(frame, tuple(column for column, _ in SENSORS.values() if column not in columns))


@contextmanager
def _members(source: Path) -> Iterator[dict[str, "_Member"]]:
    """Give the text files of a folder or zip by name without ending, whatever folder they are in."""
    if source.is_dir():
        yield {path.stem: _Member(path) for path in sorted(source.rglob("*.txt"))}
        return
    try:
        with zipfile.ZipFile(source) as archive:
            yield {
                PurePosixPath(info.filename).stem: _Member(archive, info)
                for info in archive.infolist()
                if info.filename.endswith(".txt")
            }
    except zipfile.BadZipFile as fault:
        raise Problem(
            "source_invalid", 400, f"{source.name!r} is no zip file or a damaged one.", "Fetch it again."
        ) from fault


class _Member:
    """A text file in a folder or in a zip."""

    def __init__(self, home: Path | zipfile.ZipFile, info: zipfile.ZipInfo | None = None) -> None:
        self._home, self._info = home, info

    def read(self) -> bytes:
        """Return the bytes; raises Problem when a zip member claims to be absurdly large."""
        if isinstance(self._home, Path):
            return self._home.read_bytes()
        assert self._info is not None
        if self._info.file_size > _MOST_BYTES:
            raise Problem(
                "source_invalid", 400, f"{self._info.filename} claims {self._info.file_size} bytes."
            )
        stream: IO[bytes]
        with self._home.open(self._info) as stream:
            return stream.read(_MOST_BYTES)


def _numbers(member: _Member, name: str, width: int) -> Floats:
    """Return the (cycles, width) numbers of a tab-separated file."""
    try:
        values = pl.read_csv(
            io.BytesIO(member.read()), separator="\t", has_header=False, infer_schema_length=0
        ).select(pl.all().str.strip_chars().cast(pl.Float64))
    except pl.exceptions.PolarsError as fault:
        raise Problem(
            "source_invalid", 400, f"{name} is not a table of numbers.", "Fetch it again."
        ) from fault
    if values.width != width or sum(values.null_count().row(0)) > 0:
        raise Problem(
            "source_invalid", 400, f"{name} has {values.width} columns or gaps, not {width} full columns."
        )
    return values.to_numpy()
