"""The trial of a finished scoring pipeline on rows that it never saw."""

import lightgbm as lgb
import numpy as np
from scoring._engine import Pipeline

from experiment.booster import dataset, task_parameters
from experiment.loss import loss, predictions
from experiment.result import Floats
from experiment.step import Known

_REPEATS = 3
_MOST_ROWS = 5000


def predict(pipeline: Pipeline, X: Floats, classes: int, threads: int = 1) -> Floats:
    """Return (n,) values or (n, K) probabilities from the engine."""
    found = np.asarray(pipeline.predict(X, threads=threads))
    return np.stack([1.0 - found, found], axis=1) if classes == 2 else found


def permutation(
    pipeline: Pipeline, X: Floats, y: Floats, classes: int, seed: int, threads: int = 1
) -> Floats:
    """Return the rise of the loss when a column is shuffled (Breiman 2001), mean of three: (columns,)."""
    rng = np.random.default_rng([seed, 7])
    rows = np.sort(rng.permutation(len(y))[:_MOST_ROWS])
    X, y = X[rows], y[rows]
    before = loss(y, predict(pipeline, X, classes, threads))
    rises = np.zeros(X.shape[1])
    for _ in range(_REPEATS):
        order = rng.permutation(len(y))
        for column in range(X.shape[1]):
            shuffled = X.copy()
            shuffled[:, column] = X[order, column]
            rises[column] += loss(y, predict(pipeline, shuffled, classes, threads)) - before
    return rises / _REPEATS


def plain_loss(known: Known, X: Floats, y: Floats, threads: int = 1) -> float:
    """Return the test loss of LightGBM's own defaults (100 iterations) on the input columns as they are."""
    parameters = task_parameters(known.classes, 1, threads)
    booster = lgb.Booster(parameters, dataset(known.X, known.y, known.categorical()))
    for _ in range(100):
        if booster.update():
            break
    return loss(y, predictions(np.asarray(booster.predict(X, raw_score=True)), known.classes))
