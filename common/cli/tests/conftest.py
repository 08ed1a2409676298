"""Scoring pipelines with every type of field, and the command as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import scoring
from scoring.artifact import Artifact
from scoring.sample import expectations
from scoring.schema import MISSING_TOKENS, Field
from scoring_cli.main import main

FIELDS = (
    Field("size", "Float64", example="1.5", minimum=-50.0, maximum=50.0),
    Field("count", "Int64", (*MISSING_TOKENS, "-999"), example="3"),
    Field("open", "Bool", example="true"),
    Field("color", "Str", categories=("red", "green", "a, b", 'say "hi"', "weiß"), example="red"),
    Field("since", "Time64", example="2018-01-31T12:00:00Z"),
    Field("grade", "Int32", categories=("1", "2", "5"), example="2"),
    Field("weight", "Float32", example="0.25"),
)
LABELS = {"regression": (), "binomial": ("no", "yes"), "multinomial": ("low", "mid", "high")}
OBJECTIVES = {"regression": "regression", "binomial": "binary", "multinomial": "multiclass"}


def build(path: Path, task: str) -> None:
    """Train a small forest on all fields and freeze it."""
    random = np.random.default_rng(7)
    rows = 600
    X = np.column_stack(
        [
            random.normal(0, 20, rows),
            random.integers(0, 30, rows),
            random.integers(0, 2, rows),
            random.integers(-1, 5, rows),
            random.uniform(1e9, 1.6e9, rows),
            random.integers(-1, 3, rows),
            random.normal(0, 1, rows).astype(np.float32),
        ]
    )
    X[random.random(X.shape) < 0.1] = np.nan
    raw = (
        np.nan_to_num(X[:, 0]) / 10
        + np.nan_to_num(X[:, 3])
        + np.nan_to_num(X[:, 6])
        + np.nan_to_num(X[:, 4]) / 1e9
    )
    labels = LABELS[task]
    y = np.searchsorted(np.quantile(raw, np.arange(1, len(labels)) / len(labels)), raw) if labels else raw
    parameters = {"objective": OBJECTIVES[task], "num_leaves": 7, "verbose": -1, "num_threads": 1, "seed": 1}
    if task == "multinomial":
        parameters["num_class"] = 3
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, y), 12)
    names = [field.name for field in FIELDS]
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": list(range(len(names))), "names": names}
    parts = {
        "name": f"demo-{task}",
        "task": task,
        "target": "y",
        "labels": labels,
        "inputs": FIELDS,
        "features": json.dumps(graph).encode(),
        "forest": booster.model_to_string(),
        "libraries": {"lightgbm": lightgbm.__version__},
        "data": {"source": "made up", "rows": rows, "simulated": True, "attribution": "nobody, CC0"},
        "metrics": {
            "validation": {"rows": 600, "loss": {"value": 0.5, "fold_mean": 0.51, "fold_sd": 0.02}},
            "test": {"rows": 200, "loss": {"value": 0.55, "low": 0.5, "high": 0.6}},
            "interval": {"level": 0.95},
        },
    }
    scorer = scoring.Scorer(Artifact.create(**parts))
    Artifact.create(**parts, samples=expectations(scorer, make_cells(5))).write(path)


def make_cells(rows: int, seed: int = 3) -> list[list[str]]:
    """Make rows of cells in the order of FIELDS, some of them missing or unseen, all readable."""
    random = np.random.default_rng(seed)

    def pick(*choices: str) -> str:
        return choices[int(random.integers(len(choices)))]

    return [
        [
            pick(repr(float(random.normal(0, 20))), "", "NA", "1e-3", "7"),
            pick(str(random.integers(0, 30)), "-999", "?", " 12 ", "3.0"),
            pick("true", "False", "1", "0", "yes", ""),
            pick("red", "green", "a, b", 'say "hi"', "weiß", "violet", ""),
            pick(
                "2018-01-31", "2018-01-31T12:00:00Z", "2001-09-09 01:46:40.5", "", "2009-02-13T23:31:30+01:00"
            ),
            pick("1", "2", "5.0", "4", "null"),
            pick(repr(float(random.normal())), "-0.0", "nan"),
        ]
        for _ in range(rows)
    ]


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pipelines")
    for task in LABELS:
        build(folder / f"{task}.pipeline", task)
    return {task: folder / f"{task}.pipeline" for task in LABELS}


@pytest.fixture(scope="session")
def cells() -> Callable[..., list[list[str]]]:
    return make_cells


@pytest.fixture(scope="session")
def binomial(pipelines: dict[str, Path]) -> scoring.Scorer:
    return scoring.load(pipelines["binomial"])


@dataclass(frozen=True)
class Done:
    """How a command that ran inside this process ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def inside(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Done]]:
    """Run the command inside this process: fast, for what needs no process of its own."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*words: object) -> Done:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        shown = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0 if code is None else 1, shown.out, shown.err)

    yield call
    signal.signal(signal.SIGTERM, before)


Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
START = (sys.executable, "-c", "from scoring_cli.main import main; main()")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command in an empty folder."""

    def call(*words: object, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        command = [*START, *map(str, words)]
        environment = {
            key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")
        }
        return subprocess.run(
            command, input=stdin, capture_output=True, cwd=tmp_path, env=environment, timeout=120, check=False
        )

    return call
