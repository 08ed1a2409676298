"""The models and rows of the SQL measurements: 16 numeric columns, 3 classes, 31 leaves."""

import os
from functools import cached_property
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scoring
from models import CACHE, Floats

ROWS = int(os.environ.get("BENCH_SQL_ROWS", "1000000"))
FEATURES = 16
ROUNDS = tuple(int(text) for text in os.environ.get("BENCH_SQL_ROUNDS", "100,300").split(","))
NAMES = [f"f{place}" for place in range(FEATURES)]


class SqlModel:
    """A forest of `rounds` x 3 trees, kept in build/benchmarks as LightGBM's text and as an artifact."""

    def __init__(self, rounds: int) -> None:
        self.name = f"{rounds} x 3 trees"
        CACHE.mkdir(parents=True, exist_ok=True)
        self.text_path = CACHE / f"sql-{rounds}.txt"
        self.artifact_path = CACHE / f"sql-{rounds}.pipeline"
        if not self.text_path.exists():
            X = rows(20_000, 1)
            score = X[:, 0] * X[:, 1] + X[:, 2:6].sum(axis=1) + np.random.default_rng(2).normal(size=len(X))
            parameters = {"objective": "multiclass", "num_class": 3, "num_leaves": 31, "verbose": -1}
            data = lgb.Dataset(X, np.digitize(score, [-1.0, 1.0]), feature_name=NAMES)
            lgb.train(parameters, data, rounds).save_model(self.text_path)
        if not self.artifact_path.exists():
            scoring.pack(self.text_path, self.artifact_path, labels=["a", "b", "c"], target="y")

    @cached_property
    def scorer(self) -> scoring.Scorer:
        return scoring.load(self.artifact_path)


def rows(count: int, seed: int = 3) -> Floats:
    """Make up rows."""
    return np.random.default_rng(seed).normal(size=(count, FEATURES))


def parquet() -> Path:
    """Write the rows to a Parquet file, with their numbers as `id`, in row groups of 100,000."""
    path = CACHE / f"sql-{ROWS}.parquet"
    if not path.exists():
        X = rows(ROWS)
        table = pa.table({"id": np.arange(ROWS), **{name: X[:, place] for place, name in enumerate(NAMES)}})
        pq.write_table(table, path.with_suffix(".new"), row_group_size=100_000)
        path.with_suffix(".new").replace(path)
    return path
