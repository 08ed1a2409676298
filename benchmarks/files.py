"""A file of a million rows: `scoring score` beside the same library reading and writing, without scoring."""

import os
import shutil
import sys
from pathlib import Path

from models import CACHE, TEST_ROWS, Model
from table import Table, ratio, seconds, size
from timing import Process, run_process

ROWS = int(os.environ.get("BENCH_FILE_ROWS", "1000000"))
MODEL = "A"
COPY = (
    "import sys, pyarrow as pa, pyarrow.compute as k, pyarrow.csv as c; t = c.read_csv(sys.argv[1]); "
    "c.write_csv(pa.table([k.divide(t[i], 3.0) for i in range(3)], ['a', 'b', 'c']), sys.argv[2])"
)
LIGHTGBM = (
    "import sys, lightgbm, numpy as np, pyarrow as pa, pyarrow.csv as c; t = c.read_csv(sys.argv[1]); "
    "X = np.column_stack([x.to_numpy() for x in t.columns]); "
    "p = lightgbm.Booster(model_file=sys.argv[3]).predict(X, num_threads=int(sys.argv[4])); "
    "c.write_csv(pa.table([pa.array(p[:, k]) for k in range(p.shape[1])], ['a', 'b', 'c']), sys.argv[2])"
)


def run() -> list[Table]:
    """Measure model A on a CSV file."""
    model = Model(MODEL)
    data, out = _data(model), CACHE / "scores.csv"
    command = shutil.which("scoring", path=str(Path(sys.executable).parent)) or "scoring"
    cli = [command, "score", str(model.artifact_path), str(data), "-o", str(out)]
    plain = [sys.executable, "-c"]
    ways = {
        "read all, write 3 columns (pyarrow), no scoring": [*plain, COPY, str(data), str(out)],
        "scoring score, 1 thread": [*cli, "--threads", "1"],
        "scoring score, all cores": cli,
        "LightGBM, 1 thread, whole file in memory": [
            *plain,
            LIGHTGBM,
            str(data),
            str(out),
            str(model.text_path),
            "1",
        ],
    }
    table = Table(
        f"CSV to scores: {ROWS:,} rows x {model.plan.features}, {size(data.stat().st_size)}, model {MODEL}",
        ["way", "time", "CPU time", "CPU, times reading and writing", "peak memory"],
    )
    results: dict[str, Process] = {}
    for name, way in ways.items():
        out.unlink(missing_ok=True)
        try:
            results[name] = run_process(way)
            _check(out)
        except RuntimeError as fault:
            table.remarks.append(f"{name}: {fault}")
            continue
        done, base = results[name], next(iter(results.values()))
        table.rows.append(
            [name, seconds(done.wall), seconds(done.cpu), ratio(done.cpu / base.cpu), size(done.peak)]
        )
    out.unlink(missing_ok=True)
    return [table]


def _check(out: Path) -> None:
    with out.open("rb") as stream:
        lines = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    if lines != ROWS + 1:
        raise RuntimeError(f"wrote {lines} lines, not {ROWS + 1}")


def _data(model: Model) -> Path:
    path = CACHE / f"{MODEL}-{ROWS}.csv"
    if not path.exists():
        fresh = path.with_suffix(".new")
        lines = [",".join(f"{cell:.6g}" for cell in row) + "\n" for row in model.rows]
        with fresh.open("w") as stream:
            stream.write(",".join(field.name for field in model.scorer.schema.inputs) + "\n")
            for start in range(0, ROWS, TEST_ROWS):
                stream.writelines(lines[: min(TEST_ROWS, ROWS - start)])
        fresh.replace(path)
    return path
