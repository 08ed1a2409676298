"""LightGBM, set up so that the same data always gives the same trees, whatever the number of threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from experiment.result import Floats

MOST_BINS = 127
"""Bins a column: half of what is possible trains faster, and on small data no worse."""


@dataclass(frozen=True)
class ParameterSet:
    """A fixed set of LightGBM parameters, one kind of member that a bag may have."""

    name: str
    parameters: dict[str, Any]
    raw_columns: bool = False
    """True to split on the input columns alone and leave the engineered ones to other members."""


_COMMON = {"bagging_freq": 1, "bagging_fraction": 0.8, "min_sum_hessian_in_leaf": 1e-3}
PLAIN = ParameterSet(
    "regularised",
    _COMMON
    | {
        "learning_rate": 0.12,
        "num_leaves": 15,
        "min_data_in_leaf": 8,
        "feature_fraction": 0.6,
        "lambda_l2": 1.0,
    },
)
EXTRA = ParameterSet(
    "extra trees",
    _COMMON
    | {
        "learning_rate": 0.3,
        "num_leaves": 20,
        "min_data_in_leaf": 3,
        "feature_fraction": 0.5,
        "lambda_l2": 0.1,
        "extra_trees": True,
        "bagging_fraction": 0.9,
    },
)
RAW = ParameterSet("regularised, input columns alone", PLAIN.parameters, raw_columns=True)


def task_parameters(classes: int, seed: int, threads: int) -> dict[str, Any]:
    """Return objective, metric and everything that pins the result."""
    objective: dict[str, Any]
    if not classes:
        objective = {"objective": "regression", "metric": "l2"}
    elif classes == 2:
        objective = {"objective": "binary", "metric": "binary_logloss"}
    else:
        objective = {"objective": "multiclass", "metric": "multi_logloss", "num_class": classes}
    return objective | {
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "num_threads": threads,
        "seed": seed,
        "verbosity": -1,
    }


def dataset(
    X: Floats, y: Floats, categorical: Sequence[int], reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    """Make a LightGBM data set of (n, features) and (n,)."""
    return lgb.Dataset(
        X,
        y,
        reference=reference,
        categorical_feature=list(categorical),
        feature_name=[f"f{k}" for k in range(X.shape[1])],
        params={"feature_pre_filter": False, "verbosity": -1, "max_bin": MOST_BINS},
        free_raw_data=False,
    )


def train(
    X: Floats,
    y: Floats,
    categorical: Sequence[int],
    parameters: dict[str, Any],
    iterations: int,
) -> lgb.Booster:
    """Train a forest for a fixed number of iterations."""
    booster = lgb.Booster(parameters, dataset(X, y, categorical))
    for _ in range(iterations):
        if booster.update():
            break
    return booster


def probe_gain(X: Floats, y: Floats, classes: int, seed: int) -> Floats:
    """Return the total gain of each column (features,) in a small forest."""
    parameters = task_parameters(classes, seed, 1) | {
        "num_leaves": 7,
        "learning_rate": 0.2,
        "feature_fraction": 0.6,
        "min_data_in_leaf": 5,
        "max_bin": 63,
    }
    data = lgb.Dataset(X, y, params={"max_bin": 63, "verbosity": -1, "feature_pre_filter": False})
    booster = lgb.Booster(parameters, data)
    for _ in range(25):
        if booster.update():
            break
    return np.asarray(booster.feature_importance("gain"), dtype=np.float64)
