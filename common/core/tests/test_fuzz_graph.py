"""A damaged features.json never crashes the engine: native/fuzz with sanitizers, for some seconds."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

NATIVE = Path(__file__).parents[1] / "native"
SOURCES = ("json", "program", "graph", "kernel", "date", "numbers", "isa", "fuzz/fuzz_graph", "fuzz/mutate")
FLAGS = (
    "-std=c++17",
    "-O1",
    "-ffp-contract=off",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)
SECONDS = 5

SEED: dict[str, Any] = {
    "format": 1,
    "inputs": ["a", "b", "c\u00e9\\"],
    "nodes": [
        {"op": "add", "of": [0, 1]},
        {"op": "div", "of": [3, 2]},
        {"op": "mul", "of": [4], "by": 0.5},
        {
            "op": "project",
            "of": [0, 1, 2],
            "fill": [0.5, 0, None],
            "center": [0.1, -2, 0],
            "scale": [3, 0.7, -1],
            "weights": [[0.3, -0.2, 1], [0, 0, 0]],
        },
        {"op": "lookup", "of": [0], "table": [10, None, -3.5], "missing": 7, "unseen": None},
        {
            "op": "match",
            "of": [1],
            "keys": [-1, 0, 0.5, 3],
            "values": [1, 2, None, 4],
            "missing": 5,
            "unseen": 6,
        },
        {"op": "equal", "of": [2], "value": 1},
        {"op": "isnan", "of": [0]},
        {"op": "fill", "of": [6], "value": -2.5},
        {"op": "clip", "of": [7], "low": -1, "high": 2},
        {"op": "date", "of": [2], "part": "week"},
        {"op": "date", "of": [5], "part": "day"},
    ],
    "outputs": [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0],
    "names": [f"f{i}" for i in range(14)],
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on the path")
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "empty.cpp").write_text("int main() {}\n")
    probe = [compiler, *FLAGS, str(folder / "empty.cpp"), "-o", str(folder / "empty")]
    if subprocess.run(probe, check=False, capture_output=True).returncode != 0:
        pytest.skip("the C++ compiler has no address and undefined-behaviour sanitizers")

    def compile_one(name: str) -> str:
        made = folder / (Path(name).name + ".o")
        subprocess.run([compiler, *FLAGS, "-c", str(NATIVE / f"{name}.cpp"), "-o", str(made)], check=True)
        return str(made)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, SOURCES))
    subprocess.run([compiler, *FLAGS, *objects, "-o", str(folder / "fuzz_graph")], check=True)
    return folder / "fuzz_graph"


def test_damaged_graphs_are_refused_or_run(target: Path, tmp_path: Path) -> None:
    (tmp_path / "whole.json").write_text(json.dumps(SEED))
    small = SEED | {"nodes": SEED["nodes"][:2], "outputs": [4, 0], "names": ["f", "g"]}
    (tmp_path / "small.json").write_text(json.dumps(small, indent=1))
    command = [str(target), str(SECONDS), *map(str, sorted(tmp_path.glob("*.json")))]
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS * 20
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert int(found.stdout.split()[0]) > 100
