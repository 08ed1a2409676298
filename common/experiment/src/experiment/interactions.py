"""Pairwise interactions of numeric columns: sums, differences, products and quotients."""

from itertools import combinations
from typing import ClassVar

import numpy as np

from experiment.booster import probe_gain
from experiment.graph import Graph
from experiment.result import Floats
from experiment.step import Known, Stand, Step

_SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


class Interactions(Step):
    """The pairs that a small probe forest splits on most.

    A first probe ranks the columns; all pairs of the best are formed, and a second probe, given columns and
    pairs, ranks the pairs by their total gain.
    """

    name: ClassVar[str] = "interactions"

    def __init__(self, columns: int = 8, keep: int = 16) -> None:
        self.columns = columns
        self.keep = keep

    def applies(self, known: Known) -> bool:
        """Tell whether there are two numeric columns."""
        return len(known.numeric()) >= 2

    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:  # noqa: ARG002
        """Add the `keep` best pairs."""
        numeric = known.numeric()
        if len(numeric) < 2:
            return
        values = known.X[:, numeric]
        gain = probe_gain(values, known.y, known.classes, known.seed)
        best = sorted(np.argsort(-gain, kind="stable")[: self.columns].tolist())
        pairs = [(a, b, op) for a, b in combinations(best, 2) for op in ("add", "sub", "mul", "div")]
        formed = np.stack([_form(values[:, a], values[:, b], op) for a, b, op in pairs], axis=1)
        gain = probe_gain(np.hstack([values, formed]), known.y, known.classes, known.seed)[len(numeric) :]
        for position in np.argsort(-gain, kind="stable")[: self.keep].tolist():
            if gain[position] > 0.0:
                a, b, op = pairs[position]
                column = graph.node(op, [numeric[a], numeric[b]])
                left, right = known.fields[numeric[a]].name, known.fields[numeric[b]].name
                graph.feature(column, f"{left}{_SIGN[op]}{right}")


def _form(a: Floats, b: Floats, op: str) -> Floats:
    """Compute a pair for the probe alone; what the forest sees comes from the engine."""
    with np.errstate(all="ignore"):
        if op == "div":
            return np.where(b == 0.0, np.nan, a / b)
        return {"add": a + b, "sub": a - b, "mul": a * b}[op]
