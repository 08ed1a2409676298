"""Scoring pipelines of every kind, small and real, each with the Booster that it was packed from."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import scoring

COLOURS = ["blue", "gr'een", 'r"e\\d']
HOSTILE = {"a": "a", "b": "b b", "c": 'c"c', "d": "select", "e": "färbe"}
EDGES = (1e-36, -1e-36, 5e-324, -0.0, 0.0, 1e-35, -1e-35, 1.0000000180025095e-35, 1e300, -1e300)


@dataclass(frozen=True)
class Trained:
    """A scorer, its oracle and rows: `table` for the oracle, the same as a database holds them."""

    scorer: scoring.Scorer
    booster: lightgbm.Booster
    table: pd.DataFrame

    @property
    def data(self) -> pd.DataFrame:
        """The rows as a database holds them."""
        return self.table.astype({"e": object}).where(self.table.notna(), None).rename(columns=HOSTILE)

    def raw(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        found = np.asarray(self.booster.predict(self.table, raw_score=True), np.float64)
        return found.reshape(len(self.table), -1)

    def outputs(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        found = np.asarray(self.booster.predict(self.table), np.float64)
        if self.scorer.task == "binomial":
            return np.column_stack((1.0 - found, found))
        return found.reshape(len(self.table), -1)


def frame(rows: int, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({
        "a": random.normal(size=rows),
        "b": random.normal(size=rows),
        "c": random.integers(-5, 5, rows).astype(float),
        "d": random.exponential(size=rows),
        "e": pd.Categorical(random.choice(COLOURS, rows), categories=COLOURS),
    })  # fmt: skip
    table.loc[::7, "b"] = np.nan
    table.loc[::5, "c"] = 0.0
    table.loc[::13, "e"] = None
    for row, value in enumerate(EDGES):
        table.loc[row, "a"] = value
        table.loc[row, "d"] = value
    return table


def train(
    folder: Path, objective: str, labels: list[str] | None = None, rounds: int = 30, **more: Any
) -> Trained:
    table = frame(600)
    score = table.a.clip(-3, 3) + (table["e"] == COLOURS[1]) - table["b"].fillna(1) * (table["c"] > 0)
    if labels:
        y = pd.qcut(score, len(labels), labels=False)
    else:
        y = score.abs() if objective in ("poisson", "gamma", "tweedie") else score
    parameters: dict[str, Any] = {"objective": objective, "num_threads": 1, "verbose": -1, "num_leaves": 31}
    parameters |= {"min_data_in_leaf": 3, "seed": 2, "cat_smooth": 1, "min_data_per_group": 2, **more}
    if objective in ("multiclass", "multiclassova"):
        parameters["num_class"] = len(labels or [])
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, y), rounds)
    path = folder / f"{objective}.pipeline"
    scoring.pack(booster, path, labels=labels, target="y", X=table)
    return Trained(renamed(scoring.load(path)), booster, table)


def renamed(scorer: scoring.Scorer) -> scoring.Scorer:
    """Give the inputs names that LightGBM itself would not take."""
    artifact, graph = scorer.artifact, json.loads(scorer.artifact.features)
    graph["inputs"] = [HOSTILE[name] for name in graph["inputs"]]
    parts = {name: getattr(artifact.manifest, name) for name in ("name", "task", "target", "labels")}
    inputs = [replace(field, name=HOSTILE[field.name]) for field in scorer.schema.inputs]
    made = scoring.Artifact.create(
        **parts, inputs=inputs, features=json.dumps(graph).encode(), forest=artifact.forest.decode()
    )
    return scoring.load(made.data)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Trained]:
    known: dict[str, Trained] = {}

    def make(objective: str, labels: list[str] | None = None, rounds: int = 30, **more: Any) -> Trained:
        key = f"{objective} {labels} {rounds} {more}"
        if key not in known:
            known[key] = train(tmp_path_factory.mktemp("made"), objective, labels, rounds, **more)
        return known[key]

    return make
