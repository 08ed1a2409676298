"""LightGBM, set up so that the same data always gives the same trees, whatever the number of threads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from experiment.loss import predictions, row_losses
from experiment.result import Floats, Integers

_PATIENCE = 25
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


@dataclass(frozen=True)
class FoldData:
    """Matrices of one fold, with the transforms fitted on its training part."""

    fit: Floats
    fit_truth: Floats
    judge: Floats
    judge_truth: Floats
    judge_rows: Integers
    categorical: tuple[int, ...]
    raw: int
    weight: float


@dataclass(frozen=True)
class Trace:
    """How a parameter set did in cross-validation."""

    parameters: ParameterSet
    iterations: int
    """Fewest iterations whose mean held-out loss is within a hundredth of the lowest."""
    raw: Floats
    """Raw scores of the judged rows at that point, in the order of `rows`."""
    rows: Integers
    fit_loss: tuple[float, ...]
    judge_loss: tuple[float, ...]
    """Mean losses after each iteration."""


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


def cross_validate(
    folds: Sequence[FoldData],
    chosen: ParameterSet,
    classes: int,
    most: int,
    seed: int,
    threads: int,
    tick: Callable[[int], bool],
) -> Trace:
    """Train all folds in step and stop when their mean held-out loss has stopped falling.

    One number of iterations is chosen for all folds, from the mean curve: a number for each fold would be
    fitted to its own held-out rows and flatter the estimate. `tick` is told each iteration and returns True
    to stop.
    """
    parameters = task_parameters(classes, seed, threads) | chosen.parameters
    boosters = []
    for fold in folds:
        width = fold.raw if chosen.raw_columns else fold.fit.shape[1]
        categorical = [k for k in fold.categorical if k < width]
        fit = dataset(fold.fit[:, :width], fold.fit_truth, categorical)
        judge = dataset(fold.judge[:, :width], fold.judge_truth, categorical, fit)
        boosters.append(lgb.Booster(parameters, fit).add_valid(judge, "judge"))
    fit_curve: list[float] = []
    judge_curve: list[float] = []
    best = 0
    for iteration in range(most):
        fit_mean = judge_mean = 0.0
        for fold, booster in zip(folds, boosters, strict=True):
            booster.update()
            fit_mean += fold.weight * booster.eval_train()[0][2]
            judge_mean += fold.weight * booster.eval_valid()[0][2]
        fit_curve.append(fit_mean)
        judge_curve.append(judge_mean)
        if judge_mean < judge_curve[best]:
            best = iteration
        if tick(iteration + 1) or iteration - best >= _PATIENCE:
            break
    # A tree that buys less than a hundredth makes the artifact larger and nothing better.
    best = next(k for k, value in enumerate(judge_curve) if value <= 1.01 * judge_curve[best])
    raw = [
        np.asarray(
            booster.predict(fold.judge[:, : booster.num_feature()], raw_score=True, num_iteration=best + 1)
        )
        for fold, booster in zip(folds, boosters, strict=True)
    ]
    rows = np.concatenate([fold.judge_rows for fold in folds])
    return Trace(chosen, best + 1, np.concatenate(raw), rows, tuple(fit_curve), tuple(judge_curve))


def judged_losses(traces: Sequence[Trace], truth: Floats, classes: int) -> Floats:
    """Return the losses of the judged rows when the raw scores of several members are averaged.

    `truth` has the targets of all training rows; the result has the order of the traces' `rows`.
    """
    raw = np.mean([trace.raw for trace in traces], axis=0)
    return row_losses(truth[traces[0].rows], predictions(raw, classes))


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
