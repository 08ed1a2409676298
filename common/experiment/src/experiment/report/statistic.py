"""Metrics as functions of row weights.

Every metric here maps weights of shape (b, n) to values of shape (b,). Weights of one give the metric itself,
0/1 weights the metric of a fold, and counts drawn with replacement a bootstrap resample: one definition
serves all three. A value that the weighted rows do not define (AUC without both classes, R2 of a constant
target) is NaN.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from experiment.result import Floats, Integers

Statistic = Callable[[Floats], Floats]

CLIP = float(np.finfo(np.float64).eps)
"""Least probability that log loss works with, 2.2e-16: a true class given 0 costs 36, not infinity."""


def row_loss(truth: Floats, prediction: Floats) -> Floats:
    """Return (n,) losses: squared error of a regression, else minus log of the true class's probability."""
    if prediction.ndim == 1:
        return np.asarray(np.square(prediction - truth))
    return np.asarray(-np.log(np.clip(chosen(truth, prediction), CLIP, 1.0)))


def chosen(truth: Floats, prediction: Floats) -> Floats:
    """Return the probability (n,) that each row's true class was given."""
    return np.asarray(prediction[np.arange(len(truth)), truth.astype(np.int64)])


def classification(truth: Floats, prediction: Floats) -> dict[str, Statistic]:
    """Return the metrics of class probabilities (n, K) against class numbers (n,)."""
    classes = prediction.shape[1]
    target = truth.astype(np.int64)
    guess = prediction.argmax(axis=1)
    member = target[:, None] == np.arange(classes)
    if classes == 2:
        brier = np.square(prediction[:, 1] - target)
    else:
        brier = np.square(prediction - member).sum(axis=1)
    confusion = _confusion(target, guess, classes)
    return {
        "log_loss": _mean(row_loss(truth, prediction)),
        "accuracy": _mean((guess == target).astype(np.float64)),
        "macro_f1": lambda weights: macro_f1(confusion(weights)),
        "mcc": lambda weights: mcc(confusion(weights)),
        "auc": _macro_auc(prediction, member),
        "brier": _mean(brier),
    }


def regression(truth: Floats, prediction: Floats) -> dict[str, Statistic]:
    """Return the metrics of predicted values (n,) against true ones (n,)."""
    squared = _mean(np.square(prediction - truth))

    # Centred on the overall mean: truth may lie far from 0 compared with its spread.
    centred = truth - truth.mean()
    varies = len(truth) > 0 and float(np.ptp(truth)) > 0

    def determination(weights: Floats) -> Floats:
        power = _ratio(weights @ np.square(centred), weights.sum(axis=1))
        spread = power - np.square(_ratio(weights @ centred, weights.sum(axis=1)))
        # A resample of one value leaves rounding errors of a spread.
        return 1.0 - _ratio(squared(weights), np.where(varies & (spread > 1e-12 * power), spread, 0.0))

    return {
        "rmse": lambda weights: np.sqrt(squared(weights)),
        "mae": _mean(np.abs(prediction - truth)),
        "r2": determination,
    }


def macro_f1(confusion: Floats) -> Floats:
    """Return (b,) F1, the mean of classes that occur; `confusion` (b, K, K) is truth by guess."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    total = confusion.sum(axis=1) + confusion.sum(axis=2)
    occurs = total > 0
    score = np.divide(2.0 * hits, total, out=np.zeros_like(total), where=occurs)
    return _ratio(score.sum(axis=1), occurs.sum(axis=1))


def mcc(confusion: Floats) -> Floats:
    """Return (b,) Matthews' correlation (Gorodkin 2004); 0 for a constant guess, NaN for a constant truth."""
    total = confusion.sum(axis=(1, 2))
    by_truth, by_guess = confusion.sum(axis=2), confusion.sum(axis=1)
    hits = np.trace(confusion, axis1=1, axis2=2)
    covariance = hits * total - (by_truth * by_guess).sum(axis=1)
    truth_spread = total * total - np.square(by_truth).sum(axis=1)
    guess_spread = total * total - np.square(by_guess).sum(axis=1)
    size = np.sqrt(truth_spread * guess_spread)
    value = np.divide(covariance, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(np.where(truth_spread > 0, value, np.nan))


def auc(score: Floats, positive: Floats) -> Statistic:
    """Return the area under the ROC curve of `score` (n,) where `positive` (n,) is 1; ties count half."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    tied = len(starts) < len(score)
    member = positive[order].astype(np.float64)

    def area(weights: Floats) -> Floats:
        below = np.take(weights, order, axis=1)
        above = below * member
        below -= above
        if tied:
            above = np.add.reduceat(above, starts, axis=1)
            below = np.add.reduceat(below, starts, axis=1)
        pairs = above.sum(axis=1) * below.sum(axis=1)
        # A row wins against those ranked before it, and half against those at the same score.
        ranks = np.cumsum(below, axis=1)
        wins = np.einsum("ij,ij->i", above, ranks)
        if tied:
            wins -= 0.5 * np.einsum("ij,ij->i", above, below)
        return _ratio(wins, pairs)

    return area


def _ratio(top: ArrayLike, bottom: ArrayLike) -> Floats:
    """Divide, giving NaN where `bottom` is 0."""
    tops, bottoms = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    ratio: Floats = np.divide(tops, bottoms, out=np.full(len(bottoms), np.nan), where=bottoms > 0)
    return ratio


def _mean(values: Floats) -> Statistic:
    def mean(weights: Floats) -> Floats:
        return _ratio(weights @ values, weights.sum(axis=1))

    return mean


def _confusion(truth: Integers, guess: Integers, classes: int) -> Callable[[Floats], Floats]:
    cell = truth * classes + guess
    order = np.argsort(cell, kind="stable")
    kinds, starts = np.unique(cell[order], return_index=True)

    def counts(weights: Floats) -> Floats:
        table = np.zeros((len(weights), classes * classes))
        table[:, kinds] = np.add.reduceat(np.take(weights, order, axis=1), starts, axis=1)
        return table.reshape(-1, classes, classes)

    return counts


def _macro_auc(prediction: Floats, member: Floats) -> Statistic:
    if prediction.shape[1] == 2:
        return auc(prediction[:, 1], member[:, 1])
    areas = [auc(prediction[:, k], member[:, k]) for k in range(prediction.shape[1])]

    def mean(weights: Floats) -> Floats:
        values = np.stack([area(weights) for area in areas])
        defined = ~np.isnan(values)
        return _ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))

    return mean
