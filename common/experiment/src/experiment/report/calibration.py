"""Whether probabilities mean what they say, and how they are spread."""

import math

import numpy as np

from experiment.report.axis import Axis, share_label, shares
from experiment.report.chart import Chart
from experiment.report.figure import Figure, Part
from experiment.report.metrics import wilson
from experiment.report.number import count, percent, plain, plural
from experiment.result import Floats

BINS = 10
SCORE_BINS = 20
ENOUGH = 10
"""Rows from which on a bin's share is worth a line."""


def reliability(part: Part) -> Chart | None:
    """Draw how often a stated probability came true, in ten bins, with Wilson intervals and counts."""
    if not len(part.data.truth):
        return None
    probability, right, title = _claims(part)
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    stated = np.bincount(place, probability, minlength=BINS)
    came_true = np.bincount(place, right, minlength=BINS)
    error = float(np.abs(stated - came_true).sum() / len(probability))
    chart = Chart(
        f"Calibration, {part.name.lower()} rows",
        shares(title),
        Axis("Share that came true; bars: number of rows", 0.0, 1.0, label=share_label),
        f"On average the stated probability is off by {percent(error)}.",
    )
    tips = [
        f"{plain(k / BINS, 2)} to {plain((k + 1) / BINS, 2)}: {count(int(n))} rows"
        for k, n in enumerate(rows)
    ]
    heights = 0.22 * np.sqrt(rows / rows.max())
    chart.bars(np.linspace(0, 1, BINS + 1), heights, "q", tips, gap=3)
    chart.stroke(0, 0, 1, 1, "reference")
    filled = np.flatnonzero(rows)
    x, y = stated[filled] / rows[filled], came_true[filled] / rows[filled]
    solid = rows[filled] >= ENOUGH
    if solid.sum() > 1:
        chart.line(x[solid], y[solid], 0, "Came true", quiet=True)
    for k, a, b in zip(filled.tolist(), x.tolist(), y.tolist(), strict=True):
        few = int(rows[k]) < ENOUGH
        low, high = wilson(b, int(rows[k]))
        if not math.isnan(low):
            chart.stroke(a, low, a, high, "whisker c0 faint" if few else "whisker c0")
        tip = f"stated {percent(a)}, came true {percent(b)}, {tips[k]}"
        chart.dot(a, b, 0, tip, hollow=few, size=3.5 if few else 4.5)
        chart.note((k + 0.5) / BINS, float(heights[k]), _short(int(rows[k])), "middle", dy=-4)
    chart.mark(0, "came true, with 95 % interval", f"mean gap {percent(error)}")
    return chart


def distribution(part: Part) -> Chart | None:
    """Draw how scores are spread in each class."""
    if not len(part.data.truth):
        return None
    two = len(part.labels) == 2
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    spread: dict[int, Floats] = {}
    for k in part.shown:
        member = part.classes == k
        if member.any():
            score = part.data.prediction[member, 1 if two else k]
            spread[k] = np.histogram(score, edges)[0] / member.sum()
    chart = Chart(
        f"Scores by class, {part.name.lower()} rows",
        shares(f"Probability of {part.labels[1]}" if two else "Probability of the row's own class"),
        Axis(
            "Share of the class's rows (root scale)",
            0.0,
            1.0,
            root=True,
            label=share_label,
            ticks=(0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0),
        ),
        "; ".join(f"{part.labels[k]}: most often {_bin(int(np.argmax(h)))}" for k, h in spread.items()),
    )
    for after, (k, heights) in zip(range(len(spread) - 1, -1, -1), spread.items(), strict=True):
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
        chart.area(x, np.zeros_like(y), y, part.shown.index(k))
        rows = int((part.classes == k).sum())
        chart.line(x, y, part.shown.index(k), part.labels[k], plural(rows, "row"), nest=after)
    return chart


def _claims(part: Part) -> tuple[Floats, Floats, str]:
    """Return stated probabilities, whether each came true, and what they state."""
    if len(part.labels) == 2:
        return *part.one_against_rest(1), f"Stated probability of {part.labels[1]}"
    guess = part.data.prediction.argmax(axis=1)
    return (
        part.data.prediction.max(axis=1),
        (guess == part.classes).astype(np.float64),
        "Probability of the class named",
    )


def _bin(k: int) -> str:
    return f"{percent(k / SCORE_BINS)} to {percent((k + 1) / SCORE_BINS)}"


def _short(rows: int) -> str:
    return count(rows) if rows < 10_000 else f"{plain(rows / 1000, 3)}k"


FIGURES = (
    Figure(
        "calibration",
        "Calibration",
        "When the scorer says 80 %, is it right 8 times in 10? Points on the dashed diagonal mean yes; "
        "below it the scorer is too sure, above it too shy. Hollow points have fewer than ten rows and "
        "prove little.",
        reliability,
    ),
    Figure(
        "distribution",
        "Scores by class",
        "How the probabilities are spread among rows of each true class. Good scores pile up at the right "
        "ends. The root scale keeps rare rows visible: those at the wrong end are the confident mistakes.",
        distribution,
    ),
)
