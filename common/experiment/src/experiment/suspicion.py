"""Looking for what makes honest numbers look better, or worse, than they are."""

from collections.abc import Sequence

import numpy as np
from scoring.schema import Field
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from experiment.result import Caution, Floats
from experiment.split import random_folds

_LEAK_AUC, _LEAK_R2 = 0.998, 0.99
_LEAK_ROWS = 4000
_RUNS = 0.2
_FAR = 1e38
_DRIFT_KS, _DRIFT_PSI = 0.1, 0.25


def ordered_target(values: Floats, classes: int) -> list[Caution]:
    """Warn when neighbouring rows nearly always have the same answer: random rows then test little.

    For classes the number of runs is compared with what shuffled rows would have; for regression, neighbours'
    differences with those of shuffled rows (von Neumann's ratio).
    """
    n = len(values)
    if n < 50:
        return []
    if classes:
        counts = np.bincount(values.astype(np.int64))
        expected = n + 1 - float(np.sum(counts.astype(np.float64) ** 2)) / n
        runs = 1 + int(np.count_nonzero(np.diff(values)))
        if runs < _RUNS * expected:
            return [
                Caution(
                    "ordered_label",
                    f"The target comes in {runs} runs over {n} rows (shuffled rows would have about "
                    f"{expected:.0f}). Neighbouring rows are alike, so a random split flatters: "
                    "split by --group or --time to learn how new conditions would be scored.",
                )
            ]
    elif values.var() > 0 and np.mean(np.diff(values) ** 2) < _RUNS * 2.0 * values.var():
        return [
            Caution(
                "ordered_label",
                "The target of a row is close to that of the row before, so a random split flatters: "
                "split by --group or --time to learn how new conditions would be scored.",
            )
        ]
    return []


def leakage(X: Floats, y: Floats, fields: Sequence[Field], classes: int, seed: int) -> list[Caution]:
    """Warn of columns that give the answer alone, judged out of fold by a tree of 12 leaves on the column.

    Looks at a few thousand rows at most. Classes: mean AUC of each against the rest; regression: R².
    """
    rows = np.sort(np.random.default_rng([seed, 6]).permutation(len(y))[:_LEAK_ROWS])
    y = y[rows]
    if classes and np.min(np.bincount(y.astype(np.int64), minlength=classes)) < 6:
        return []
    folds = random_folds(y, classes, 3, seed)
    found = []
    for column, field in enumerate(fields):
        values = X[rows, column]
        values = np.clip(np.nan_to_num(values, nan=-_FAR), -_FAR, _FAR)[:, None]
        guess = np.zeros((len(y), max(classes, 1)))
        for fold in folds:
            kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
            tree = kind(max_leaf_nodes=12, random_state=0).fit(
                values[fold.fit].astype(np.float32), y[fold.fit]
            )
            judged = values[fold.judge].astype(np.float32)
            guess[fold.judge] = tree.predict_proba(judged) if classes else tree.predict(judged)[:, None]
        if classes:
            score = float(np.mean([roc_auc_score(y == k, guess[:, k]) for k in range(classes)]))
            told = f"AUC {score:.4f}"
        else:
            score = 1.0 - float(np.mean((y - guess[:, 0]) ** 2) / y.var())
            told = f"R² {score:.4f}"
        if score >= (_LEAK_AUC if classes else _LEAK_R2):
            found.append(
                Caution(
                    "leakage",
                    f"Column {field.name!r} nearly is the answer ({told} by itself). If it is not known "
                    f"at the time of scoring, leave it out with --drop {field.name}.",
                )
            )
    return found


def drift(train: Floats, test: Floats, fields: Sequence[Field]) -> list[Caution]:
    """Warn of columns whose test rows are distributed unlike the training rows.

    Numbers: the Kolmogorov-Smirnov distance, beyond chance at 0.1 % and above 0.1. Categories: the population
    stability index above 0.25.
    """
    found = []
    chance = 1.95 * float(np.sqrt(1.0 / max(len(train), 1) + 1.0 / max(len(test), 1)))
    for column, field in enumerate(fields):
        a, b = train[:, column], test[:, column]
        if field.categories is not None:
            count = len(field.categories) + 2
            p, q = (_shares(values, count) for values in (a, b))
            index = float(np.sum((p - q) * np.log(p / q)))
            if index > _DRIFT_PSI and len(test) >= 20 * count:
                found.append((index, f"{field.name} (PSI {index:.2f})"))
        else:
            distance = _ks(a, b)
            if distance > max(_DRIFT_KS, chance):
                found.append((distance, f"{field.name} (KS {distance:.2f})"))
    if not found:
        return []
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return [
        Caution(
            "drift",
            "Test rows are distributed unlike training rows in "
            + ", ".join(t for _, t in found[:5])
            + f"{more}.",
        )
    ]


def duplicates(train: Floats, test: Floats) -> list[Caution]:
    """Warn of test rows whose inputs all occur in one training row too."""
    seen = {row.tobytes() for row in np.ascontiguousarray(train)}
    repeated = sum(row.tobytes() in seen for row in np.ascontiguousarray(test))
    if not repeated:
        return []
    return [
        Caution(
            "duplicate_rows",
            f"{repeated} of {len(test)} test rows are, in all inputs, copies of training rows: "
            "they test memory, not learning.",
        )
    ]


def _shares(codes: Floats, count: int) -> Floats:
    slots = np.where(np.isnan(codes), count - 2, np.where(codes < 0, count - 1, codes)).astype(np.int64)
    counts = np.bincount(slots, minlength=count) + 0.5
    shares: Floats = counts / counts.sum()
    return shares


def _ks(a: Floats, b: Floats) -> float:
    """Return the largest distance of the two distribution functions; missing ones are one low value."""
    a, b = (np.sort(np.where(np.isnan(values), -np.inf, values)) for values in (a, b))
    both = np.concatenate([a, b])
    distance = np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(
        b
    )
    return float(np.abs(distance).max())
