"""Numbers for categories: how frequent they are, and what the target tends to be with them."""

from typing import ClassVar

import numpy as np

from experiment.graph import Graph, rounded, rounded_list
from experiment.result import Floats, Integers
from experiment.step import Known, Stand, Step

_SMOOTHING = 10.0
"""A category's mean counts as much as the overall mean once it has so many rows (m-estimate)."""
_PARTS = 5


class Frequencies(Step):
    """The share of training rows that have the category."""

    name: ClassVar[str] = "category frequencies"

    def applies(self, known: Known) -> bool:
        """Tell whether there are categories."""
        return bool(known.categorical())

    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:  # noqa: ARG002
        """Add one column a categorical input."""
        for column in known.categorical():
            slots = _slots(known, column)
            share = np.bincount(slots, minlength=_slot_count(known, column)) / len(slots)
            _lookup(graph, column, share, f"{known.fields[column].name}:frequency")


class TargetMeans(Step):
    """The smoothed mean of the target by category (Micci-Barreca 2001); for K > 2 classes one column a class.

    In training, each row gets the mean over rows of the other parts of the data, so that a row's own target
    never enters its feature; at scoring the mean over all training rows is used.
    """

    name: ClassVar[str] = "target encoding"

    def applies(self, known: Known) -> bool:
        """Tell whether there are categories."""
        return bool(known.categorical())

    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:
        """Add the encodings, and their cross-fitted values for training."""
        rng = np.random.default_rng([known.seed, 5])
        part = rng.permutation(len(known.y)) % _PARTS
        for column in known.categorical():
            slots, count = _slots(known, column), _slot_count(known, column)
            for suffix, truth in _truths(known):
                name = f"{known.fields[column].name}:mean{suffix}"
                _lookup(graph, column, _means(slots, truth, count), name)
                values = np.empty(len(slots))
                for k in range(_PARTS):
                    table = _means(slots[part != k], truth[part != k], count)
                    values[part == k] = table[slots[part == k]]
                stand.columns[name] = values


def _truths(known: Known) -> list[tuple[str, Floats]]:
    if known.classes <= 2:
        return [("", known.y)]
    return [(f"[{label}]", (known.y == label).astype(np.float64)) for label in range(known.classes)]


def _slot_count(known: Known, column: int) -> int:
    return len(known.fields[column].categories or ()) + 2


def _slots(known: Known, column: int) -> Integers:
    """Return per row the place in a table: the code, then one place for missing and one for unseen."""
    codes, count = known.X[:, column], _slot_count(known, column)
    return np.where(np.isnan(codes), count - 2, np.where(codes < 0, count - 1, codes)).astype(np.int64)


def _means(slots: Integers, truth: Floats, count: int) -> Floats:
    overall = truth.mean() if len(truth) else 0.0
    rows = np.bincount(slots, minlength=count)
    sums = np.bincount(slots, weights=truth, minlength=count)
    return (sums + _SMOOTHING * overall) / (rows + _SMOOTHING)


def _lookup(graph: Graph, column: int, table: Floats, name: str) -> None:
    graph.feature(
        graph.node(
            "lookup",
            [column],
            table=rounded_list(table[:-2]),
            missing=rounded(table[-2]),
            unseen=rounded(table[-1]),
        ),
        name,
    )
