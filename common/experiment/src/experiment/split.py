"""Which rows train, which rows test, and how training rows are divided for cross-validation.

All of it is decided by a seed and the data alone. Row numbers are positions in the array of targets.
"""

from dataclasses import dataclass

import numpy as np
from scoring.problem import Problem
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from experiment.result import Floats, Integers

TEST_SHARE = 0.25


@dataclass(frozen=True)
class Split:
    """Training and test rows, both ascending, and the way they were told apart in words."""

    train: Integers
    test: Integers
    words: str


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to judge by, positions among the training rows."""

    fit: Integers
    judge: Integers


def split_random(values: Floats, classes: int, seed: int) -> Split:
    """Draw 25 % of the rows for the test, by class where there are classes; each keeps a training row."""
    rng = np.random.default_rng([seed, 1])
    test = np.flatnonzero(_dealt(values, classes, round(1 / TEST_SHARE), rng) == 0)
    words = f"random 75/25{', stratified by class' if classes else ''}, seed {seed}"
    return _split(test, len(values), words)


def split_groups(values: Floats, classes: int, groups: Integers, name: str, seed: int) -> Split:
    """Draw whole groups until about 25 % of the rows are in the test."""
    if len(np.unique(groups)) < 4:
        raise Problem(
            "too_few_groups",
            400,
            f"The group column {name!r} has {len(np.unique(groups))} groups in the rows with a target.",
            "At least 4 are needed: leave --group out, or choose a finer column.",
        )
    folds = group_folds(values, classes, groups, round(1 / TEST_SHARE), seed)
    return _split(folds[0].judge, len(values), f"75/25 by whole groups of {name}, seed {seed}")


def split_time(times: Floats, name: str) -> Split:
    """Take the latest 25 % of the rows for the test; rows of the same time stay together, in the test."""
    if np.isnan(times).any():
        missing = int(np.isnan(times).sum())
        raise Problem(
            "time_missing",
            400,
            f"The time column {name!r} has {missing} rows without a time.",
            "Remove those rows, or leave --time out.",
        )
    border = np.sort(times)[int(len(times) * (1 - TEST_SHARE))]
    test = np.flatnonzero(times >= border)
    if len(test) == len(times):
        raise Problem("time_constant", 400, f"The time column {name!r} hardly varies.", "Leave --time out.")
    return _split(test, len(times), f"oldest rows train, latest {len(test)} test, by {name}")


def split_given(train_rows: int, test_rows: int, name: str) -> Split:
    """Take rows of a separate test file, which stand after the training rows."""
    return Split(
        np.arange(train_rows), np.arange(train_rows, train_rows + test_rows), f"given test file {name}"
    )


def random_folds(values: Floats, classes: int, count: int, seed: int) -> list[Fold]:
    """Deal rows to `count` folds of equal size, by class where there are classes."""
    dealt = _dealt(values, classes, count, np.random.default_rng([seed, 2]))
    return [Fold(np.flatnonzero(dealt != k), np.flatnonzero(dealt == k)) for k in range(count)]


def group_folds(values: Floats, classes: int, groups: Integers, count: int, seed: int) -> list[Fold]:
    """Deal whole groups to folds, keeping the share of classes about equal."""
    count = min(count, len(np.unique(groups)))
    column = np.zeros((len(values), 1))
    if classes:
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        labels = values.astype(np.int64)
        # Small classes are announced by a caution of their own; scikit-learn would warn again.
        labels = np.where(np.bincount(labels)[labels] < count, np.bincount(labels).argmax(), labels)
        parts = splitter.split(column, labels, groups)
    else:
        parts = GroupKFold(count, shuffle=True, random_state=seed).split(column, None, groups)
    return [Fold(np.sort(fit), np.sort(judge)) for fit, judge in parts]


def time_folds(times: Floats, count: int) -> list[Fold]:
    """Judge each of `count` later blocks of time by a fit on everything before it.

    The oldest rows, one part of `count` + 1, are never judged.
    """
    borders = np.quantile(times, np.linspace(0, 1, count + 2)[1:-1])
    block = np.searchsorted(borders, times, side="right")
    folds = [Fold(np.flatnonzero(block < k), np.flatnonzero(block == k)) for k in range(1, count + 1)]
    return [fold for fold in folds if len(fold.fit) and len(fold.judge)]


def _dealt(values: Floats, classes: int, count: int, rng: np.random.Generator) -> Integers:
    """Return a fold 0..count-1 for each row; every class is dealt on from where the last one ended."""
    dealt = np.empty(len(values), dtype=np.int64)
    if not classes:
        dealt[rng.permutation(len(values))] = np.arange(len(values)) % count
        return dealt
    start = 0
    for label in range(classes):
        rows = rng.permutation(np.flatnonzero(values == label))
        # Fold 0 is the test: a class with a single row must not vanish into it.
        first = start if len(rows) >= count else 1
        dealt[rows] = (first + np.arange(len(rows))) % count
        start = (start + len(rows)) % count
    return dealt


def _split(test: Integers, rows: int, words: str) -> Split:
    return Split(np.setdiff1d(np.arange(rows), test), np.sort(test), words)
