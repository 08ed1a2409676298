"""Every template, found by its manifest, and what the promises about answers are tried on.

A new template is held to every promise from the day it is there.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import scoring

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted(
    path.parent for path in [*ROOT.glob("*/template.toml"), *ROOT.glob("templates/*/template.toml")]
)
COLOURS = ["blue", "green", "red"]
START_SECONDS = 30.0


@pytest.fixture(params=TEMPLATES, ids=lambda folder: folder.name)
def template(request: pytest.FixtureRequest) -> Path:
    """The directory of one template."""
    folder: Path = request.param
    return folder


@dataclass(frozen=True)
class Golden:
    """An artifact, its oracle, and rows as a client sends them, each kind of value among them."""

    path: Path
    booster: lightgbm.Booster
    fields: list[str]
    cells: list[list[Any]]
    table: pd.DataFrame

    def request(self, **members: Any) -> bytes:
        return json.dumps({"fields": self.fields, "rows": self.cells, **members}).encode()

    def expected(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What LightGBM predicts, one column for each output."""
        found = np.asarray(self.booster.predict(self.table), np.float64)
        if self.booster.dump_model()["objective"].startswith("binary"):
            return np.column_stack((1.0 - found, found))
        return found.reshape(len(self.table), -1)


def _train(folder: Path, objective: str, rows: int, labels: list[str]) -> Golden:
    random = np.random.default_rng(rows)
    table = pd.DataFrame(random.normal(size=(rows, 5)), columns=["a", "b", "c", "d", "e"])
    table["colour"] = pd.Categorical(random.choice(COLOURS, rows), categories=COLOURS)
    raw = table.a + (table.colour == "red") - table.b * (table.c > 0)
    y = raw if not labels else pd.qcut(raw, len(labels), labels=False)
    parameters = {"objective": objective, "num_threads": 1, "verbose": -1, "num_leaves": 15, "seed": 3}
    if objective == "multiclass":
        parameters["num_class"] = len(labels)
    table.loc[::7, "b"] = np.nan
    table.loc[::11, "colour"] = None
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, y), 20)
    path = folder / f"{objective}.pipeline"
    scoring.pack(booster, path, labels=labels or None, target="y", X=table)
    table = table.copy()
    # Values at the edges of a double, and as near to nothing as one can come.
    for row, value in enumerate(
        (np.inf, -np.inf, 5e-324, -5e-324, 1.7976931348623157e308, -0.0, 1e-35, -1e-36)
    ):
        for column in ("a", "c"):
            table.loc[row, column] = value
    cells = [
        [_cell(cell, row + column) for column, cell in enumerate(values)] for row, values in _rows(table)
    ]
    return Golden(path, booster, list(table.columns), cells, table)


def _rows(table: pd.DataFrame) -> Iterator[tuple[int, tuple[Any, ...]]]:
    return enumerate(table.itertuples(index=False, name=None))


def _cell(value: Any, turn: int) -> Any:
    """A value in one of the spellings that mean it."""
    if pd.isna(value):
        return (None, "", "NA", "nan", " null ")[turn % 5]
    if isinstance(value, str):
        return value
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return (value, repr(value), f" {value!r} ")[turn % 3]


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Golden]:
    """Goldens by the name of their kind: `large` has 10,000 rows and `one` has one."""
    folder = tmp_path_factory.mktemp("golden")
    made = {
        "regression": _train(folder, "regression", 200, []),
        "binomial": _train(folder, "binary", 201, ["no", "yes"]),
        "multinomial": _train(folder, "multiclass", 10_000, ["low", "mid", "high"]),
    }
    large = made.pop("multinomial")
    few = slice(0, 150)
    made["multinomial"] = Golden(
        large.path, large.booster, large.fields, large.cells[few], large.table.iloc[few]
    )
    made["one"] = Golden(large.path, large.booster, large.fields, large.cells[:1], large.table.iloc[:1])
    made["large"] = large
    return made


@dataclass
class Got:
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Endpoint:
    """A template's app, as its word `run` starts it."""

    port: int

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Got:
        sent = {"Content-Type": "application/json"} if headers is None else headers
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return Got(
                answer.status, answer.read(), {name.lower(): text for name, text in answer.getheaders()}
            )
        finally:
            connection.close()


Serve = Callable[[Path, Path], Endpoint]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a template's app with an artifact, once for each pair of them."""
    running: dict[tuple[Path, Path], tuple[subprocess.Popen[bytes], Endpoint]] = {}

    def start(template: Path, artifact: Path) -> Endpoint:
        manifest = tomllib.loads((template / "template.toml").read_text())
        if manifest["interface"] != "http":
            pytest.skip(f"{template.name} answers SQL, not HTTP: its own tests hold it to the same scores")
        if (template, artifact) not in running:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            module = manifest["name"].replace("-", "_")
            log = tmp_path_factory.mktemp("served") / "log"
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", module, "run", str(artifact)],
                    env={
                        **os.environ, "PORT": str(port), "HOST": "127.0.0.1", "WORKERS": "1",
                        "PYTHONPATH": str(template / "src"),  # a template that was just made is not installed
                    },
                    stdout=file, stderr=subprocess.STDOUT,
                )  # fmt: skip
            running[template, artifact] = process, Endpoint(port)
            _wait(process, port, log)
        return running[template, artifact][1]

    yield start
    for process, _ in running.values():
        process.send_signal(signal.SIGTERM)
    for process, _ in running.values():
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if Endpoint(port).send("GET", "/readyz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the app is not ready:\n{log.read_text()[-4000:]}")
