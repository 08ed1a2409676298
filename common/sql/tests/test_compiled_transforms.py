"""Transforms as plain SQL: every operation, every part of a date, and types that are no double."""

import datetime
import json
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import lightgbm
import numpy as np
import pytest
import scoring
from scoring import Artifact, Field
from scoring._engine import Pipeline
from scoring_sql.compiled import compile_sql

ROOT = Path(__file__).parent.parent.parent.parent
INPUTS = [
    Field("x", missing=("", "-999")),
    Field("y"),
    Field("kind", "Str", categories=("p", "q", "r")),
    Field("ok", "Bool"),
    Field("grade", "Int32", categories=("3", "20", "100")),
    Field("at", "Time64"),
]
PARTS = ["year", "month", "day", "hour", "minute", "weekday", "dayofyear", "week"]
NODES: list[dict[str, Any]] = [
    {"op": "add", "of": [0, 1]},
    {"op": "sub", "of": [0, 1]},
    {"op": "mul", "of": [0], "by": 1.7},
    {"op": "div", "of": [0, 1]},
    {"op": "div", "of": [1], "by": 3.0},
    {"op": "project", "of": [0, 1], "fill": [0.5, None], "center": [0.1, 0.2], "scale": [1.5, 0.7],
     "weights": [[0.3, -0.4], [1.1, 0.9]]},
    {"op": "lookup", "of": [2], "table": [0.25, -0.5, 0.125], "missing": 9.0, "unseen": -9.0},
    {"op": "match", "of": [4], "keys": [0.0, 1.0], "values": [5.0, None], "missing": -1.0, "unseen": 2.5},
    {"op": "equal", "of": [3], "value": 1.0},
    {"op": "isnan", "of": [1]},
    {"op": "fill", "of": [1], "value": 0.75},
    {"op": "clip", "of": [0], "low": -1.0, "high": 1.0},
    {"op": "clip", "of": [1], "low": None, "high": 0.5},
    *[{"op": "date", "of": [5], "part": part} for part in PARTS],
]  # fmt: skip
COLUMNS = len(INPUTS) + len(NODES) + 1
GRAPH = {
    "format": 1,
    "inputs": [field.name for field in INPUTS],
    "nodes": NODES,
    "outputs": list(range(COLUMNS)),
    "names": [f"f{i}" for i in range(COLUMNS)],
}
Row = tuple[Any, ...]


def rows(count: int = 700) -> list[Row]:
    random = np.random.default_rng(5)
    start = datetime.datetime(1896, 1, 1)
    made = []
    for i in range(count):
        at = start + datetime.timedelta(
            days=int(random.integers(0, 80_000)), minutes=int(random.integers(0, 1440))
        )
        if i < 6:  # ends of leap years and of years that are none
            at = [
                datetime.datetime(year, *day, 23, 59)
                for year in (1900, 2000, 2023)
                for day in ((2, 28), (12, 31))
            ][i]
        cells = [
            float(random.normal()),
            float(random.choice([0.0, 1.0, random.normal()])),
            random.choice(["p", "q", "r", "unseen"]).item(),
            bool(random.integers(0, 2)),
            random.choice([3, 20, 100, 7]).item(),
            at,
        ]
        gone = random.random(6) < 0.1
        row = [None if missing else cell for cell, missing in zip(cells, gone, strict=True)]
        row[0] = -999.0 if i % 17 == 0 else row[0]
        made.append((i, *row))
    return made


@pytest.fixture(scope="module")
def drawn() -> tuple[scoring.Scorer, list[Row], np.ndarray[Any, np.dtype[np.float64]]]:
    """A forest that compares every column of the graph, and its raw scores."""
    graph, data = json.dumps(GRAPH).encode(), rows()
    cells = [[None if cell is None else str(cell) for cell in row[1:]] for row in data]
    shape = Artifact.create(
        name="n",
        task="regression",
        target="t",
        inputs=INPUTS,
        features=graph,
        forest=_forest(np.zeros((40, COLUMNS))),
    )
    matrix = scoring.load(shape.data).matrix(cells)
    X = Pipeline(graph, shape.forest).transform(matrix)
    forest = _forest(X)
    scorer = scoring.load(
        Artifact.create(
            name="n", task="regression", target="t", inputs=INPUTS, features=graph, forest=forest
        ).data
    )
    expected = lightgbm.Booster(model_str=forest).predict(X, raw_score=True)
    used = {name for name in GRAPH["names"] if f"{name}=" in forest}
    assert len(used) > COLUMNS - 4, "the trees look at nearly every column"
    return scorer, data, np.asarray(expected)


def _forest(X: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    random = np.random.default_rng(1)
    y = (
        np.nan_to_num(X, posinf=0, neginf=0)
        @ random.normal(size=X.shape[1])
        / (1 + np.abs(np.nan_to_num(X)).max(axis=0, initial=0).sum())
    )
    y = y + random.normal(size=len(X)) * 0.3
    options = {
        "objective": "regression",
        "num_threads": 1,
        "verbose": -1,
        "feature_fraction": 0.4,
        "min_data_in_leaf": 3,
    }
    return lightgbm.train(options, lightgbm.Dataset(X, y, feature_name=GRAPH["names"]), 60).model_to_string()


def test_transforms_in_duckdb(drawn: Any) -> None:
    scorer, data, expected = drawn
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE data (id INT, x DOUBLE, y DOUBLE, kind TEXT, ok BOOLEAN, grade INT, "at" TIMESTAMP)'
        )
        connection.executemany("INSERT INTO data VALUES (?, ?, ?, ?, ?, ?, ?)", data)

        found = connection.execute(compile_sql(scorer, "duckdb", include=["id"]).sql).fetchall()

    np.testing.assert_array_equal([score for _, score in sorted(found)], expected)


def test_transforms_in_sqlite(drawn: Any) -> None:
    scorer, data, expected = drawn
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE data (id, x, y, kind, ok, grade, at)")
    connection.executemany(
        "INSERT INTO data VALUES (?, ?, ?, ?, ?, ?, ?)", [(*row[:6], _text(row[6])) for row in data]
    )

    found = connection.execute(compile_sql(scorer, "sqlite", include=["id"]).sql).fetchall()

    connection.close()
    np.testing.assert_array_equal([score for _, score in sorted(found)], expected)


def test_the_rig(tmp_path: Path) -> None:
    scorer = scoring.load(ROOT / "local-rest-scorer" / "example" / "cooler.pipeline")
    samples = scorer.artifact.samples["rows"]
    with duckdb.connect() as connection:
        names = ", ".join(f"{name} DOUBLE" for name in scorer.schema.names)
        connection.execute(f"CREATE TABLE data (id INT, {names})")
        marks = ", ".join("?" * (len(scorer.schema) + 1))
        connection.executemany(
            f"INSERT INTO data VALUES ({marks})", [(i, *row) for i, row in enumerate(samples)]
        )

        found = connection.execute(compile_sql(scorer, "duckdb", include=["id"]).sql).fetchall()

    np.testing.assert_array_max_ulp(
        np.array(sorted(found))[:, 1:], np.array(scorer.artifact.samples["output"]), 1
    )


def _text(at: datetime.datetime | None) -> str | None:
    return None if at is None else at.isoformat(" ")
