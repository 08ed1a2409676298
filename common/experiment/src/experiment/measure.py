"""Measures a finished artifact: speed, memory, and whether its bits are LightGBM's."""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import scoring
from scoring._engine import Pipeline
from scoring.schema import Field
from scoring.scorer import Scorer

from experiment.result import Floats

ROWS = 2000
"""Rows on which the engine is compared with LightGBM, and rows of a batch."""
CALLS = 2000
"""Single calls that are timed, unless the time for them is used up."""
PATIENCE = 1.0
"""Seconds that one series of timed calls may take."""
SEED = 20240229

_IN_A_FRESH_PROCESS = """
import json, sys, time
import scoring
def resident():
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return None
load = scoring.load  # loads the library's modules, which are not what is measured
before, started = resident(), time.perf_counter()
scorer = load(sys.argv[1])
seconds = time.perf_counter() - started
scorer.engine.row([None] * scorer.engine.inputs)
after = resident()
print(json.dumps([seconds, None if before is None or after is None else max(after - before, 0)]))
"""


@dataclass(frozen=True)
class Latency:
    """Quantiles of the time of one call, in seconds."""

    p50: float
    p99: float
    calls: int


@dataclass(frozen=True)
class Measurement:
    """What is known about an artifact after loading and timing it."""

    name: str
    """File name without its folder."""
    octets: int
    digest: str
    inputs: int
    features: int
    outputs: int
    trees: int
    load_seconds: float
    """Time of `scoring.load` in a fresh process, without importing the library."""
    memory: int | None
    """Growth of the process's resident memory by loading, in bytes; None where the system does not tell."""
    row: Latency
    """`engine.row`: one row of numbers in, outputs out."""
    request: Latency
    """`score_json`: a request of one row as bytes in, the reply as bytes out."""
    batch_rows: int
    rows_per_second: float
    """Best of several batches on one thread."""
    compared_rows: int
    bits_equal: bool
    """True if raw scores and outputs of every compared row equal LightGBM's to the last bit."""
    largest_difference: float
    """Largest absolute difference of an output from LightGBM's; 0 if the bits are equal."""
    machine: str


def measure(path: str | Path) -> Measurement:
    """Load the artifact at `path` and measure it; takes a few seconds at most.

    Raises `scoring.Problem` where the file is no sound artifact. LightGBM is the oracle: it reads the forest
    in the file and gets the features that the engine computed, so the comparison covers the forest, not the
    transforms.
    """
    file = Path(path)
    scorer = scoring.load(file)
    engine = scorer.engine
    rows = sample(scorer.schema.inputs, ROWS)
    equal, difference = compare(scorer, rows)
    load_seconds, memory = _fresh_load(file)
    lines = [_cells(row) for row in rows[:256]]
    body = _request(scorer.schema.inputs)
    return Measurement(
        name=file.name,
        octets=file.stat().st_size,
        digest=scorer.digest,
        inputs=engine.inputs,
        features=engine.features,
        outputs=engine.outputs,
        trees=engine.trees,
        load_seconds=load_seconds,
        memory=memory,
        row=latency(lambda k: engine.row(lines[k % len(lines)])),
        request=latency(lambda _: scorer.score_json(body)),
        batch_rows=len(rows),
        rows_per_second=_throughput(engine, rows),
        compared_rows=len(rows),
        bits_equal=equal,
        largest_difference=difference,
        machine=_machine(),
    )


def sample(fields: tuple[Field, ...], rows: int) -> Floats:
    """Return rows (rows, fields) from each field's range and a little beyond, every 20th cell missing."""
    generator = np.random.default_rng(SEED)
    table = np.empty((rows, len(fields)))
    for j, entry in enumerate(fields):
        if entry.categories is not None:
            table[:, j] = generator.integers(-1, len(entry.categories), rows)
            continue
        low = 0.0 if entry.minimum is None else float(entry.minimum)
        high = low + 1.0 if entry.maximum is None else float(entry.maximum)
        air = 0.05 * (high - low)
        table[:, j] = generator.uniform(low - air, high + air, rows)
        if entry.type in ("Bool", "Int32", "Int64"):
            table[:, j] = np.clip(np.round(table[:, j]), low, high)
    table[generator.random(table.shape) < 0.05] = np.nan
    return table


def compare(scorer: Scorer, rows: Floats) -> tuple[bool, float]:
    """Return whether raw scores and outputs are LightGBM's bits, and the largest difference of an output."""
    engine = scorer.engine
    booster = lightgbm.Booster(model_str=scorer.artifact.forest.decode())
    features = np.ascontiguousarray(engine.transform(rows))
    equal, difference = True, 0.0
    for raw in (True, False):
        ours = np.asarray(engine.predict(rows, raw_score=raw), dtype=np.float64)
        theirs = np.asarray(booster.predict(features, raw_score=raw, num_threads=1), dtype=np.float64)
        equal = equal and ours.tobytes() == theirs.tobytes()
        if not raw:
            difference = float(np.max(np.abs(ours - theirs), initial=0.0))
    return equal, difference


def latency(call: Callable[[int], object], calls: int = CALLS, patience: float = PATIENCE) -> Latency:
    """Time single calls after a warm-up, until there are `calls` of them or `patience` seconds are over."""
    for k in range(min(50, calls)):
        call(k)
    spent: list[float] = []
    deadline = time.perf_counter() + patience
    for k in range(calls):
        started = time.perf_counter()
        call(k)
        ended = time.perf_counter()
        spent.append(ended - started)
        if ended > deadline:
            break
    p50, p99 = np.quantile(spent, [0.5, 0.99])
    return Latency(float(p50), float(p99), len(spent))


def _throughput(engine: Pipeline, rows: Floats) -> float:
    best = float("inf")
    deadline = time.perf_counter() + PATIENCE / 2
    for attempt in range(20):
        started = time.perf_counter()
        engine.predict(rows, threads=1)
        ended = time.perf_counter()
        best = min(best, ended - started)
        if attempt >= 2 and ended > deadline:
            break
    return len(rows) / max(best, 1e-9)


def _fresh_load(path: Path) -> tuple[float, int | None]:
    command = [sys.executable, "-c", _IN_A_FRESH_PROCESS, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    seconds, memory = json.loads(done.stdout)
    return float(seconds), memory


def _request(fields: tuple[Field, ...]) -> bytes:
    cells = ["" if entry.example is None else str(entry.example) for entry in fields]
    return json.dumps({"fields": [entry.name for entry in fields], "rows": [cells]}).encode()


def _cells(row: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in row]


def _machine() -> str:
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass  # not Linux: the short name has to do
    return f"{name}, {platform.system()}, Python {platform.python_version()}"
