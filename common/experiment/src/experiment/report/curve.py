"""Curves of a ranking: what is found when rows are taken from the highest score down."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from experiment.result import Floats


@dataclass(frozen=True)
class Ranking:
    """Counts of positives and negatives at or above each distinct score, highest score first."""

    threshold: Floats
    """(m,) distinct scores, descending."""
    hits: Floats
    """(m,) positives taken."""
    misses: Floats
    """(m,) negatives taken."""

    @property
    def positives(self) -> float:
        """Return how many positives there are."""
        return float(self.hits[-1])

    @property
    def negatives(self) -> float:
        """Return how many negatives there are."""
        return float(self.misses[-1])

    def roc(self) -> tuple[Floats, Floats]:
        """Return false and true positive rates, from (0, 0) to (1, 1)."""
        return _from_zero(self.misses / self.negatives), _from_zero(self.hits / self.positives)

    def area(self) -> float:
        """Return the area under the ROC curve."""
        across, up = self.roc()
        return float(np.sum(np.diff(across) * (up[1:] + up[:-1]) / 2))

    def precision_recall(self) -> tuple[Floats, Floats]:
        """Return recall and precision, from the highest threshold down."""
        return self.hits / self.positives, self.hits / (self.hits + self.misses)

    def average_precision(self) -> float:
        """Return the average precision: precision summed over steps of recall."""
        recall, precision = self.precision_recall()
        return float(np.sum(np.diff(_from_zero(recall)) * precision))

    def gain(self) -> tuple[Floats, Floats]:
        """Return the share of rows taken and the share of positives found, from (0, 0) to (1, 1)."""
        taken = (self.hits + self.misses) / (self.positives + self.negatives)
        return _from_zero(taken), _from_zero(self.hits / self.positives)

    def lift(self) -> tuple[Floats, Floats]:
        """Return the share of rows taken and how many times denser positives are there than overall."""
        taken, found = self.gain()
        return taken[1:], found[1:] / taken[1:]

    def separation(self) -> tuple[float, int]:
        """Return the Kolmogorov-Smirnov statistic (largest gap of the two rates) and its place."""
        gap = self.hits / self.positives - self.misses / self.negatives
        place = int(np.argmax(gap))
        return float(gap[place]), place

    def scores(self) -> dict[str, Floats]:
        """Return F1, accuracy and MCC at every threshold, as (m,) arrays."""
        missed, passed = self.positives - self.hits, self.negatives - self.misses
        sides = (self.hits + self.misses) * (missed + passed) * self.positives * self.negatives
        correlation = np.zeros_like(self.hits)
        cross = self.hits * passed - self.misses * missed
        np.divide(cross, np.sqrt(sides), out=correlation, where=sides > 0)
        return {
            "F1": 2 * self.hits / (2 * self.hits + self.misses + missed),
            "accuracy": (self.hits + passed) / (self.positives + self.negatives),
            "MCC": correlation,
        }


def rank(score: ArrayLike, positive: ArrayLike) -> Ranking | None:
    """Rank rows by `score` (n,); None unless `positive` (n,) holds both true and false."""
    scores, members = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    if not len(scores) or not 0 < members.sum() < len(members):
        return None
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    hits = np.cumsum(members[order])[last]
    return Ranking(ranked[last], hits, last + 1.0 - hits)


def thin(x: Floats, y: Floats, *, most: int = 2000, tolerance: float = 0.0008) -> tuple[Floats, Floats]:
    """Drop points that a line through the others passes within `tolerance` of the range (Ramer 1972)."""
    width, height = float(np.ptp(x)) or 1.0, float(np.ptp(y)) or 1.0
    u, v = x / width, y / height
    if len(x) > most:
        along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(u), np.diff(v)))])
        near = np.searchsorted(along, np.linspace(0.0, along[-1], most))
        keep = np.unique(np.r_[0, np.minimum(near, len(x) - 1), len(x) - 1])
        x, y, u, v = x[keep], y[keep], u[keep], v[keep]
    kept = {0, len(x) - 1}
    spans = [(0, len(x) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        du, dv = u[last] - u[first], v[last] - v[first]
        length = float(np.hypot(du, dv))
        from_u, from_v = u[inner] - u[first], v[inner] - v[first]
        off = np.abs(du * from_v - dv * from_u) / length if length > 0 else np.hypot(from_u, from_v)
        place = int(np.argmax(off))
        if off[place] > tolerance:
            middle = first + 1 + place
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    chosen = np.array(sorted(kept))
    return x[chosen], y[chosen]


def stairs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return points of a line that keeps each `y` back to the `x` before it."""
    return np.repeat(x, 2)[:-1], np.repeat(y, 2)[1:]


def _from_zero(values: Floats) -> Floats:
    return np.concatenate([[0.0], values])
