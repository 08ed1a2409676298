"""Damaged models never crash the engine: native/fuzz is built with sanitizers and run for some seconds."""

import os
import shutil
import subprocess
from pathlib import Path

import lightgbm
import numpy as np
import pytest

NATIVE = Path(__file__).parent.parent / "native"
SOURCES = [
    "bins",
    "block_kernel",
    "block_masks",
    "forest",
    "isa",
    "model",
    "model_tree",
    "numbers",
    "objective",
    "plain",
    "row_masks",
]
FLAGS = [
    "-std=c++17",
    "-O1",
    "-ffp-contract=off",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
]
SECONDS = 8


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on the path")
    folder = tmp_path_factory.mktemp("fuzz")
    empty = folder / "empty.cpp"
    empty.write_text("int main() {}\n")
    probe = subprocess.run(
        [compiler, *FLAGS, str(empty), "-o", str(folder / "empty")],
        check=False,
        capture_output=True,
        text=True,
    )
    if probe.returncode != 0:
        pytest.skip("the C++ compiler has no address and undefined-behaviour sanitizers")
    names = [*SOURCES, "vector_and", "walk", "fuzz/fuzz_model", "fuzz/mutate"]
    sources = [NATIVE / f"{name}.cpp" for name in names]
    built = folder / "fuzz_model"
    subprocess.run([compiler, *FLAGS, *map(str, sources), "-o", str(built)], check=True)
    return built


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("seeds")
    rng = np.random.default_rng(3)
    X = rng.normal(size=(800, 4))
    X[:, 3] = rng.integers(0, 40, 800)
    X[rng.random(800) < 0.2, 1] = np.nan
    y = X[:, 0] + X[:, 3] % 5 + np.nan_to_num(X[:, 1])
    kinds: dict[str, dict[str, object]] = {
        "small": {"num_leaves": 5},
        "three": {"num_leaves": 4, "objective": "multiclass", "num_class": 3},
        "zero": {"num_leaves": 8, "zero_as_missing": True},
        "wide": {"num_leaves": 80},
        "huge": {"num_leaves": 300, "max_bin": 1000},
        "stump": {"min_data_in_leaf": 900},
    }
    for name, parameters in kinds.items():
        label = np.digitize(y, [0, 2]) if name == "three" else y
        fixed = {
            "objective": "regression",
            "verbose": -1,
            "num_threads": 1,
            "min_data_in_leaf": 2,
            "min_data_per_group": 1,
        }
        data = lightgbm.Dataset(X, label, categorical_feature=[3])
        text = lightgbm.train({**fixed, **parameters}, data, 2).model_to_string()
        (folder / name).write_text(text[: text.index("feature_importances")])
    return sorted(folder.iterdir())


def test_damaged_models_do_not_crash(target: Path, seeds: list[Path], tmp_path: Path) -> None:
    environment = {**os.environ, "ASAN_OPTIONS": "allocator_may_return_null=0:max_allocation_size_mb=1000"}
    command = [str(target), str(SECONDS), *map(str, seeds)]
    run = subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
    )
    assert run.returncode == 0, run.stderr[-4000:]
