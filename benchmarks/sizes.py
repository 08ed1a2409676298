"""How much there is to ship: the wheel, what it installs beyond numpy, and the model."""

import importlib.metadata
import tempfile
from pathlib import Path

import cross_build
from models import NAMES, Model
from table import Table, ratio, size

NEEDED = {"scoring": ["scoring-core"], "LightGBM": ["lightgbm", "scipy", "narwhals"]}


def run() -> list[Table]:
    """Measure installed distributions and the files of every model."""
    return [_installed(), _models()]


def _installed() -> Table:
    table = Table("What scoring needs installed, beyond Python and numpy", ["engine", "files", "wheel"])
    with tempfile.TemporaryDirectory() as folder:
        wheel = cross_build.build(cross_build.HOST, Path(folder))
        table.rows.append(["scoring", size(cross_build.unpacked(wheel)), size(wheel.stat().st_size)])
    parts = {name: _footprint(name) for name in NEEDED["LightGBM"]}
    known = {name: bytes_ for name, bytes_ in parts.items() if bytes_}
    table.rows.append(["LightGBM", size(sum(known.values())), "-"])
    table.remarks = [
        "LightGBM: " + ", ".join(f"{name} {size(bytes_)}" for name, bytes_ in known.items()) + "."
    ]
    return table


def _footprint(distribution: str) -> int:
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return 0
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.exists() and path.suffix != ".pyc")


def _models() -> Table:
    table = Table("The model as a file", ["model", "artifact", "LightGBM text", "ratio"])
    for name in NAMES:
        model = Model(name)
        ours, theirs = model.artifact_path.stat().st_size, model.text_path.stat().st_size
        table.rows.append([name, size(ours), size(theirs), ratio(theirs / ours)])
    return table
