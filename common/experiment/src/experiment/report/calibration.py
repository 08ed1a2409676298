"""Whether probabilities mean what they say, and how they are spread."""

import numpy as np

from ..result import Floats
from .axis import Axis, share_label, shares
from .chart import SLOTS, Chart
from .figure import Figure, Part
from .metrics import wilson
from .number import count, percent, plain

BINS = 10
SCORE_BINS = 20


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
        f"{plain(k / BINS, 2)} to {plain((k + 1) / BINS, 2)}: {count(int(n))} rows" for k, n in enumerate(rows)
    ]
    heights = 0.22 * np.sqrt(rows / rows.max())
    chart.bars(np.linspace(0, 1, BINS + 1), heights, "q", tips, gap=3)
    for k in np.flatnonzero(rows):
        chart.note((k + 0.5) / BINS, float(heights[k]), _short(int(rows[k])), "middle", dy=-4)
    chart.stroke(0, 0, 1, 1, "reference")
    filled = np.flatnonzero(rows)
    x, y = stated[filled] / rows[filled], came_true[filled] / rows[filled]
    if len(filled) > 1:
        chart.line(x, y, 0, "Came true", quiet=True)
    for k, a, b in zip(filled, x, y, strict=True):
        low, high = wilson(float(b), int(rows[k]))
        if low == low:
            chart.stroke(float(a), low, float(a), high, "whisker c0")
        chart.dot(float(a), float(b), 0, f"stated {percent(float(a))}, came true {percent(float(b))}, {tips[k]}")
    chart.mark(0, "came true, with 95 % interval", f"mean gap {percent(error)}")
    return chart


def distribution(part: Part) -> Chart | None:
    """Draw how scores are spread in each class."""
    if not len(part.data.truth):
        return None
    two = len(part.labels) == 2
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    spread: dict[int, Floats] = {}
    for k in part.shown():
        member = part.classes == k
        if member.any():
            score = part.data.prediction[member, 1 if two else k]
            spread[k] = np.histogram(score, edges)[0] / member.sum()
    top = max(float(h.max()) for h in spread.values())
    chart = Chart(
        f"Scores by class, {part.name.lower()} rows",
        shares(f"Probability of {part.labels[1]}" if two else "Probability of the row's own class"),
        shares("Share of the class's rows", min(1.0, top * 1.05)),
        "; ".join(f"{part.labels[k]}: most often {_bin(int(np.argmax(h)))}" for k, h in spread.items()),
    )
    for k, heights in spread.items():
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
        chart.area(x, np.zeros_like(y), y, k)
        if k < SLOTS:
            rows = int((part.classes == k).sum())
            chart.line(x, y, k, part.labels[k], f"{count(rows)} {'row' if rows == 1 else 'rows'}")
    return chart


def _claims(part: Part) -> tuple[Floats, Floats, str]:
    """Return stated probabilities, whether each came true, and what they state."""
    if len(part.labels) == 2:
        return *part.one_against_rest(1), f"Stated probability of {part.labels[1]}"
    guess = part.data.prediction.argmax(axis=1)
    return part.data.prediction.max(axis=1), (guess == part.classes).astype(np.float64), "Probability of the class named"


def _bin(k: int) -> str:
    return f"{percent(k / SCORE_BINS)} to {percent((k + 1) / SCORE_BINS)}"


def _short(rows: int) -> str:
    return count(rows) if rows < 10_000 else f"{plain(rows / 1000, 3)}k"


FIGURES = (
    Figure(
        "calibration",
        "Calibration",
        "When the scorer says 80 %, is it right 8 times in 10? Points on the dashed diagonal mean yes; below it the "
        "scorer is too sure, above it too shy. Points with few rows (see the bars) prove little.",
        reliability,
    ),
    Figure(
        "distribution",
        "Scores by class",
        "How the probabilities are spread among rows of each true class. Good scores pile up at the right ends and "
        "seldom meet in the middle.",
        distribution,
    ),
)
