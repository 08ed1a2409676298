import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

NAMES = ["size", "count", "open", "color", "since", "grade", "weight"]

SCORE = """
import pathlib, sys
import scoring
from scoring_cli import batch
options = batch.Options(include=("size", "color"), contributions="original", threads=1)
summary = batch.score(scoring.load(sys.argv[1]), sys.argv[2], sys.argv[3], options)
# Not ru_maxrss, which begins with the peak of the process that started this one.
status = pathlib.Path("/proc/self/status").read_text().splitlines()
print(summary.rows, next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))
"""


def table(rows: int) -> pa.Table:
    random = np.random.default_rng(5)
    columns = [
        random.normal(0, 20, rows),
        random.integers(0, 30, rows),
        random.integers(0, 2, rows) == 1,
        np.array(["red", "green", "a, b"])[random.integers(0, 3, rows)],
        np.array(["2018-01-31", "2019-02-03 04:05:06"])[random.integers(0, 2, rows)],
        random.integers(1, 3, rows),
        random.normal(size=rows),
    ]
    more = [random.normal(size=rows) for _ in range(10)]
    return pa.table([*columns, *more], names=[*NAMES, *(f"more{k}" for k in range(10))])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak memory")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(pipelines, tmp_path, ending):
    peaks = {}
    for rows in (15_000, 150_000):
        data = tmp_path / f"in{rows}.{ending}"
        if ending == "csv":
            pcsv.write_csv(table(rows), data)
        else:
            pq.write_table(table(rows), data)
        out = tmp_path / f"out{rows}.{ending}"
        words = [sys.executable, "-c", SCORE, str(pipelines["binomial"]), str(data), str(out)]
        done = subprocess.run(words, capture_output=True, check=True, text=True)
        read, peaks[rows] = map(int, done.stdout.split())
        assert read == rows

    assert peaks[150_000] < 280
    # Ten times the rows: what grows is what the allocators keep, not the table (35 MB of text).
    assert peaks[150_000] - peaks[15_000] < 120
