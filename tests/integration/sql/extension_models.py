"""Scoring pipelines with the Booster that they were packed from, and their rows as a database holds them."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import psycopg
import scoring
from psycopg import sql

COLOURS = ["blue", "gr'een", "rötlich", "null'; DROP TABLE t; --"]
EDGES = (
    1e-36,
    -1e-36,
    5e-324,
    -0.0,
    0.0,
    1e-35,
    -1e-35,
    1.0000000180025095e-35,
    1e300,
    -1e300,
    np.inf,
    -np.inf,
)
NAMES = ["a", "B b", "c", "select", "färbe"]
TYPES = ["float8", "float8", "integer", "float8", "text"]


@dataclass(frozen=True)
class Trained:
    """A scorer, its oracle and the rows."""

    scorer: scoring.Scorer
    booster: lightgbm.Booster
    table: pd.DataFrame

    def outputs(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return what LightGBM says."""
        found = np.asarray(self.booster.predict(self.table), np.float64)
        if self.scorer.task == "binomial":
            return np.column_stack((1.0 - found, found))
        return found.reshape(len(self.table), -1)

    def install(self, connection: psycopg.Connection[Any], name: str) -> None:
        """Install the pipeline, and put its rows into a table of that name."""
        connection.execute("SELECT scoring.install(%s, %s)", [name, self.scorer.artifact.data])
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
            for column, kind in zip(NAMES, TYPES, strict=True)
        )
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
        create = sql.SQL("CREATE TABLE {} (id bigint, more text, {})")
        connection.execute(create.format(sql.Identifier(name), columns))
        copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
        with connection.cursor().copy(copy) as out:
            for number, row in enumerate(self.table.itertuples(index=False, name=None)):
                cells: list[Any] = [None if pd.isna(cell) else cell for cell in row]
                cells[2] = None if cells[2] is None else int(cells[2])
                out.write_row([number, f"row {number}", *cells])


def frame(rows: int) -> pd.DataFrame:
    """Make rows with gaps, categories and numbers at the edges."""
    random = np.random.default_rng(1)
    table = pd.DataFrame({
        "a": random.normal(size=rows),
        "B b": random.normal(size=rows),
        "c": random.integers(-5, 5, rows).astype(float),
        "select": random.exponential(size=rows),
        "färbe": pd.Categorical(random.choice(COLOURS, rows), categories=COLOURS),
    })  # fmt: skip
    table.loc[::7, "B b"] = np.nan
    table.loc[::5, "c"] = 0.0
    table.loc[::11, "c"] = np.nan
    table.loc[::13, "färbe"] = None
    for row, value in enumerate(EDGES):
        table.loc[row, "a"] = table.loc[len(EDGES) + row, "select"] = value
    return table


def train(folder: Path, objective: str, labels: list[str] | None = None, rounds: int = 30) -> Trained:
    """Train a booster and pack it."""
    table = frame(3000)
    score = table.a.clip(-3, 3) + (table["färbe"] == COLOURS[1]) - table["B b"].fillna(1) * (table["c"] > 0)
    y = pd.qcut(score, len(labels), labels=False) if labels else score
    parameters: dict[str, Any] = {"objective": objective, "num_threads": 1, "verbose": -1, "num_leaves": 31}
    parameters |= {"min_data_in_leaf": 3, "seed": 2, "cat_smooth": 1, "min_data_per_group": 2}
    if objective == "multiclass":
        parameters["num_class"] = len(labels or [])
    plain = table.rename(columns={name: f"f{number}" for number, name in enumerate(NAMES)})
    booster = lightgbm.train(parameters, lightgbm.Dataset(plain, y), rounds)
    path = folder / f"{objective}.pipeline"
    scoring.pack(booster, path, labels=labels, target="y", X=plain)
    return Trained(_renamed(scoring.load(path)), booster, plain)


def _renamed(scorer: scoring.Scorer) -> scoring.Scorer:
    """Give the inputs names that LightGBM itself would not take."""
    artifact, graph = scorer.artifact, json.loads(scorer.artifact.features)
    graph["inputs"] = NAMES
    parts = {name: getattr(artifact.manifest, name) for name in ("name", "task", "target", "labels")}
    inputs = [replace(field, name=name) for field, name in zip(scorer.schema.inputs, NAMES, strict=True)]
    made = scoring.Artifact.create(
        **parts, inputs=inputs, features=json.dumps(graph).encode(), forest=artifact.forest.decode()
    )
    return scoring.load(made.data)
