"""Frames: an artifact of each kind, its oracle, and rows as a client sends them, with each kind of value."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import scoring
from scoring.schema import MISSING_TOKENS

COLOURS = ["blue", "green", "red"]
NUMBERS = ["a", "b", "c", "d", "e"]
EDGES = (np.inf, -np.inf, 5e-324, -5e-324, 1.7976931348623157e308, -0.0, 1e-35, -1e-36)
"""Values at the edges of a double, and as near to nothing as one can come."""
MISSING = (None, *MISSING_TOKENS, " null ", "  ")
"""All spellings of a missing value, two of them with blanks around."""
UNKNOWN = "violet"
INFINITE = ("Infinity", "inf", "INF")
QUIET = {"num_threads": 1, "verbose": -1, "num_leaves": 15, "seed": 3}
Matrix = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Golden:
    """An artifact, what its model predicts for a table, and the table's rows as JSON has them."""

    path: Path
    oracle: Callable[[pd.DataFrame], Any]
    raw: Callable[[pd.DataFrame], Any]
    cells: list[list[Any]]
    table: pd.DataFrame

    @property
    def fields(self) -> list[str]:
        return list(self.table.columns)

    def request(self, **members: Any) -> bytes:
        return json.dumps({"fields": self.fields, "rows": self.cells, **members}).encode()

    def expected(self) -> Matrix:
        """What the model predicts, one column for each output."""
        return np.asarray(self.oracle(self.table), np.float64).reshape(len(self.table), -1)

    def first(self, rows: int) -> "Golden":
        """The same with its first rows only."""
        return replace(self, cells=self.cells[:rows], table=self.table.iloc[:rows])


def goldens(folder: Path) -> dict[str, Golden]:
    """Goldens by the name of their kind: `large` has 10,000 rows and `one` has one."""
    large = _trained(folder, "multiclass", 10_000, ["low", "mid", "high"])
    return {
        "regression": _trained(folder, "regression", 200, []),
        "numeric": _trained(folder, "regression", 202, [], colour=False),
        "binomial": _trained(folder, "binary", 201, ["no", "yes"]),
        "multinomial": large.first(150),
        "transforms": _transformed(folder, 203),
        "one": large.first(1),
        "large": large,
    }


def _trained(folder: Path, objective: str, rows: int, labels: list[str], colour: bool = True) -> Golden:
    table, y = _drawn(rows, colour)
    if labels:
        y = pd.qcut(y, len(labels), labels=False)
    parameters = {**QUIET, "objective": objective} | ({"num_class": len(labels)} if len(labels) > 2 else {})
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, y), 20)
    path = folder / f"{objective}-{rows}.pipeline"
    scoring.pack(booster, path, labels=labels or None, target="y", X=table)

    def both(given: pd.DataFrame) -> Matrix:
        found = np.asarray(booster.predict(given), np.float64)
        return np.column_stack((1.0 - found, found))

    def raw(given: pd.DataFrame) -> Any:
        return booster.predict(given, raw_score=True)

    table = _edged(table)
    return Golden(path, both if len(labels) == 2 else booster.predict, raw, _cells(table), table)


def _transformed(folder: Path, rows: int) -> Golden:
    """A scikit-learn pipeline: gaps are filled, numbers scaled, colours take a column each."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table, y = _drawn(rows, True)
    table = table.assign(colour=table.colour.astype(object).fillna("green"))
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
    )
    model = make_pipeline(steps, lightgbm.LGBMRegressor(n_estimators=20, num_leaves=15, n_jobs=1, verbose=-1))
    model.set_output(transform="pandas")
    model.fit(table, y)
    path = folder / "transforms.pipeline"
    scoring.pack(model, path, target="y", X=table)
    table = table.copy()
    table.loc[3, "colour"] = UNKNOWN
    return Golden(path, model.predict, model.predict, _cells(table), table)


def _drawn(rows: int, colour: bool) -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(rows)
    table = pd.DataFrame(random.normal(size=(rows, len(NUMBERS))), columns=NUMBERS)
    drawn = pd.Categorical(random.choice(COLOURS, rows), categories=COLOURS)
    y = table.a + (drawn == "red") - table.b * (table.c > 0)
    table.loc[::7, "b"] = np.nan
    if colour:
        table["colour"] = drawn
        table.loc[::11, "colour"] = None
    return table, y


def _edged(table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    for row, value in enumerate(EDGES):
        for column in ("a", "c"):
            table.loc[row, column] = value
    table.loc[len(EDGES)] = [None] * len(table.columns)  # a row of nothing
    return table


def _cells(table: pd.DataFrame) -> list[list[Any]]:
    """The rows in JSON: all spellings of a number and of what is missing take turns."""
    turns = iter(range(table.size))
    gaps = iter(range(table.size))
    return [
        [_gap(name, next(gaps)) if pd.isna(value) else _known(value, next(turns)) for name, value in cells]
        for cells in _rows(table)
    ]


def _rows(table: pd.DataFrame) -> Iterator[Iterator[tuple[str, Any]]]:
    for values in table.itertuples(index=False, name=None):
        yield zip(table.columns, values, strict=True)


def _gap(name: str, turn: int) -> Any:
    """One of the spellings of a missing value; a category that training has not seen is as good as none."""
    if name == "colour" and turn % 3 == 0:
        return UNKNOWN
    return MISSING[turn % len(MISSING)]


def _known(value: Any, turn: int) -> Any:
    """A value in one of the spellings that mean it."""
    if isinstance(value, str):
        return value
    if np.isinf(value):
        return ("" if value > 0 else "-") + INFINITE[turn % len(INFINITE)]
    return (value, repr(value), f" {value!r} ")[turn % 3]
