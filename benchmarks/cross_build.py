"""Build the scoring core's wheel for this machine and, with zig's compiler, for Linux on x86-64 and aarch64.

    python benchmarks/cross_build.py [folder]

prints sizes, and installs what this machine can run in a fresh environment and scores a row there. Needs
`uv`; the build fetches zig's compiler, the `ziglang` wheel, by itself.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from table import Table, size

CORE = Path(__file__).resolve().parent.parent / "common" / "core"
HOST = ""
TARGETS = ("x86_64-linux-gnu.2.17", "aarch64-linux-gnu.2.17")
PROOF = """
import json
from scoring._engine import Pipeline
forest = '''tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=regression
feature_names=a
feature_infos=[0:1]

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=0.5
decision_type=2
left_child=-1
right_child=-2
leaf_value=1.5 2.5
leaf_weight=1 3
leaf_count=1 3
internal_value=0
internal_weight=0
internal_count=4
is_linear=0
shrinkage=1


end of trees
'''
graph = {"format": 1, "inputs": ["a"], "nodes": [], "outputs": [0], "names": ["a"]}
engine = Pipeline(json.dumps(graph).encode(), forest.encode())
assert engine.row([0.0]) == 1.5 and engine.row([1.0]) == 2.5
part, bias = engine.contributions([0.0], original=False).ravel().tolist()
assert abs(part + 0.75) + abs(bias - 2.25) < 1e-12
"""


def uv() -> str:
    """Find uv."""
    found = shutil.which("uv") or shutil.which("uv", path=str(CORE.parent.parent / ".uv" / "bin"))
    if found is None:
        raise SystemExit("cross_build needs uv: pip install uv")
    return found


def build(target: str, folder: Path) -> Path:
    """Build a wheel in `folder` and return it; without a target, for this machine by its own compiler."""
    environment = {**os.environ, "SCORING_TARGET": target}
    with tempfile.TemporaryDirectory() as copy:  # the tree's own build folder and library stay as they are
        source = Path(copy) / "core"
        ignored = shutil.ignore_patterns("build", "*.so", "*.egg-info", "__pycache__")
        shutil.copytree(CORE, source, ignore=ignored)
        before = set(folder.glob("*.whl"))
        command = [
            uv(),
            "build",
            "--quiet",
            "--wheel",
            "--python",
            sys.executable,
            "--out-dir",
            str(folder),
            str(source),
        ]
        subprocess.run(command, env=environment, check=True)
        made = sorted(set(folder.glob("*.whl")) - before)
    if not made:
        raise SystemExit(f"the wheel for {target or 'this machine'} was there already in {folder}")
    return made[0]


def unpacked(wheel: Path) -> int:
    """Return how many bytes a wheel installs."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(member.file_size for member in archive.infolist())


def library(wheel: Path) -> int:
    """Return the size of the extension inside."""
    with zipfile.ZipFile(wheel) as archive:
        return next(member.file_size for member in archive.infolist() if member.filename.endswith(".so"))


def prove(wheel: Path) -> str:
    """Install a wheel in a fresh environment and score there; returns what became of it."""
    if platform.machine() not in wheel.name or sys.platform != "linux":
        return "built, not run: another processor"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([uv(), "venv", "--quiet", "--python", sys.executable, folder], check=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([uv(), "pip", "install", "--quiet", "--python", python, str(wheel)], check=True)
        subprocess.run([python, "-I", "-c", PROOF], check=True)
    return "installed in a fresh environment, scores and contributions right"


def run(folder: Path | None = None) -> list[Table]:
    """Build for every target."""
    table = Table("The scoring core's wheel", ["target", "wheel", "its size", "the library in it", "state"])
    with tempfile.TemporaryDirectory() as scratch:
        for target in (HOST, *TARGETS):
            place = (folder or Path(scratch)) / (target or "host")
            place.mkdir(parents=True, exist_ok=True)
            for old in place.glob("*.whl"):
                old.unlink()
            wheel = build(target, place)
            cells = [wheel.name, size(wheel.stat().st_size), size(library(wheel)), prove(wheel)]
            table.rows.append(
                [f"{target}, zig's compiler" if target else "this machine, its own compiler", *cells]
            )
    return [table]


if __name__ == "__main__":
    for result in run(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        print(result.markdown())
