"""Small real scorers of every kind, each with the Booster that it was packed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import scoring
from numpy.typing import NDArray

COLOURS = ["blue", "green", "red"]


@dataclass(frozen=True)
class Trained:
    """A scorer and its oracle. `cells` are rows as a client sends them, `table` the same for the oracle."""

    scorer: scoring.Scorer
    booster: lightgbm.Booster
    cells: list[list[Any]]
    table: pd.DataFrame

    @cached_property
    def fields(self) -> list[str]:
        return list(self.scorer.schema.names)

    def outputs(self) -> NDArray[np.float64]:
        """Return what LightGBM predicts, one column for each output."""
        found = np.asarray(self.booster.predict(self.table), np.float64)
        if self.scorer.task == "binomial":
            return np.column_stack((1.0 - found, found))
        return found.reshape(len(self.table), -1)

    def contributions(self) -> NDArray[np.float64]:
        return np.asarray(self.booster.predict(self.table, pred_contrib=True), np.float64)


def train(
    folder: Path,
    objective: str,
    y: NDArray[np.float64],
    table: pd.DataFrame,
    labels: Sequence[str] = (),
    sent: pd.DataFrame | None = None,
    **pack: Any,
) -> Trained:
    """Train on `table` and pack; clients send `sent`, if that is not the same."""
    parameters: dict[str, Any] = {"objective": objective, "num_threads": 1, "verbose": -1, "num_leaves": 7}
    if objective == "multiclass":
        parameters["num_class"] = len(labels)
    parameters |= {"min_data_in_leaf": 5, "seed": 1, "deterministic": True, "cat_smooth": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, y), 12)
    path = folder / "model.pipeline"
    sent = table if sent is None else sent
    scoring.pack(booster, path, labels=list(labels) or None, X=sent, **pack)
    cells = [[_cell(cell) for cell in row] for row in sent.itertuples(index=False)]
    return Trained(scoring.load(path), booster, cells, table)


def _cell(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


def numbers(rows: int = 200, columns: int = 4) -> pd.DataFrame:
    values = np.random.default_rng(7).normal(size=(rows, columns))
    values[::9, 1] = np.nan
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(columns)])


@pytest.fixture(scope="session")
def binomial(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    table = numbers()
    y = (table.x0 + table.x2 > 0).to_numpy(np.float64)
    return train(tmp_path_factory.mktemp("binomial"), "binary", y, table, ["no", "yes"], target="bought")


@pytest.fixture(scope="session")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    table = numbers()
    return train(
        tmp_path_factory.mktemp("regression"), "regression", table.x0.to_numpy() * 3, table, target="price"
    )


@pytest.fixture(scope="session")
def multinomial(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Labels that are each other's beginnings, and that have dots and letters of regular expressions."""
    table = numbers()
    table.columns = ["x0", "x1", "ClusterDist10_a_b.1", "y.10"]
    y = (table.x0 > 0).to_numpy(np.float64) + 2 * (table["y.10"] > 0).to_numpy(np.float64)
    labels = ["1", "10", "a.b", "(x|y)*"]
    return train(tmp_path_factory.mktemp("multinomial"), "multiclass", y, table, labels, target="species")


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A categorical text, a number and a time."""
    table = numbers(columns=2)
    generator = np.random.default_rng(3)
    table["colour"] = pd.Categorical(generator.choice(COLOURS, len(table)), categories=COLOURS)
    table.loc[::17, "colour"] = None
    table["seen"] = 1.5e9 + np.arange(len(table)) * 86400.0
    y = (table.colour == "red").to_numpy(np.float64) + (table.x0 > 0) + (table.seen > 1.508e9)
    sent = table.assign(seen=pd.to_datetime(table.seen, unit="s"))
    folder = tmp_path_factory.mktemp("mixed")
    return train(folder, "regression", y.to_numpy(), table, sent=sent, target="wert für é")
