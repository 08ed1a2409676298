"""Figures of a regression: how far predictions are off, where, and how often."""

import numpy as np

from experiment.report.axis import Axis, shares, spanning
from experiment.report.chart import Chart
from experiment.report.figure import Figure, Part
from experiment.report.number import count, percent, plain
from experiment.result import Floats, Integers

MOST_POINTS = 1500
"""Points drawn in a scatter; of more rows an evenly spaced sample is drawn, in order of their truth."""


def agreement(part: Part) -> Chart | None:
    """Draw actual against predicted values."""
    if not len(part.data.truth):
        return None
    truth, guess = part.data.truth, part.data.prediction
    both = np.concatenate([truth, guess])
    x, y = spanning(f"Predicted {part.target}", both), spanning(f"Actual {part.target}", both)
    chart = Chart(
        f"Actual against predicted, {part.name.lower()} rows",
        x,
        y,
        f"{count(len(truth))} rows; the correlation is {_correlation(truth, guess)}.",
    )
    chart.stroke(x.low, x.low, x.high, x.high, "reference")
    keep = _sample(truth)
    chart.cloud(guess[keep], truth[keep], 0)
    chart.mark(0, _drawn(len(keep), len(truth)), f"correlation {_correlation(truth, guess)}")
    return chart


def histogram(part: Part) -> Chart | None:
    """Draw how residuals are spread."""
    if not len(part.data.truth):
        return None
    left = part.data.truth - part.data.prediction
    axis = spanning("Actual minus predicted", np.append(left, 0.0))
    bins = int(np.clip(np.sqrt(len(left)), 5, 40))
    rows, edges = np.histogram(left, bins, (axis.low, axis.high))
    chart = Chart(
        f"Residuals, {part.name.lower()} rows",
        axis,
        Axis("Rows (root scale)", 0.0, float(rows.max()) * 1.04, root=True),
        f"Median residual {plain(float(np.median(left)))}.",
    )
    tips = [
        f"{plain(float(a))} to {plain(float(b))}: {count(int(n))} rows"
        for a, b, n in zip(edges[:-1], edges[1:], rows, strict=True)
    ]
    chart.bars(edges, rows, 0, tips)
    chart.stroke(0, 0, 0, chart.y.high, "reference")
    middle = float(np.median(left))
    chart.mark(0, "rows", f"median residual {plain(middle, 3)}", kind="box")
    return chart


def drift(part: Part) -> Chart | None:
    """Draw residuals against predicted values, with the running median."""
    if not len(part.data.truth):
        return None
    guess, left = part.data.prediction, part.data.truth - part.data.prediction
    x = spanning(f"Predicted {part.target}", guess)
    chart = Chart(
        f"Residuals by prediction, {part.name.lower()} rows",
        x,
        spanning("Actual minus predicted", np.append(left, 0.0)),
        "Residual of each row at its prediction, with the median of neighbouring rows.",
    )
    keep = _sample(guess)
    chart.cloud(guess[keep], left[keep], 0)
    chart.stroke(x.low, 0, x.high, 0, "reference")
    chart.mark(0, _drawn(len(keep), len(guess)))
    order = np.argsort(guess, kind="stable")
    groups = [g for g in np.array_split(order, min(20, max(1, len(order) // 15))) if len(g)]
    if len(groups) > 2:
        centres = np.array([np.median(guess[g]) for g in groups])
        medians = np.array([np.median(left[g]) for g in groups])
        chart.line(centres, medians, 1, "running median")
    return chart


def error_quantiles(part: Part) -> Chart | None:
    """Draw which share of rows is off by no more than a given amount."""
    if not len(part.data.truth):
        return None
    error = np.sort(np.abs(part.data.truth - part.data.prediction))
    share = np.linspace(0, 1, 201)
    values = np.quantile(error, share)
    chart = Chart(
        f"Error quantiles, {part.name.lower()} rows",
        shares("Share of rows"),
        spanning("Off by no more than", values, zero=True),
        "; ".join(f"{percent(q)} of rows: {plain(float(np.quantile(error, q)))}" for q in (0.5, 0.9, 0.99)),
    )
    chart.area(share, np.zeros_like(values), values, 0)
    chart.line(share, values, 0, "Off by no more than", quiet=True)
    for q in (0.5, 0.9, 0.99):
        value = float(np.quantile(error, q))
        chart.dot(q, value, 0, f"{percent(q)} of rows are off by {plain(value)} or less")
        chart.mark(0, f"{percent(q)} of rows", f"within {plain(value, 3)}")
    return chart


def _sample(by: Floats) -> Integers:
    order = np.argsort(by, kind="stable")
    if len(order) <= MOST_POINTS:
        return order
    return order[np.linspace(0, len(order) - 1, MOST_POINTS).round().astype(np.int64)]


def _drawn(drawn: int, rows: int) -> str:
    return f"{count(rows)} rows" if drawn == rows else f"{count(drawn)} of {count(rows)} rows, evenly spaced"


def _correlation(truth: Floats, guess: Floats) -> str:
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(guess) == 0:
        return "undefined"
    return plain(float(np.corrcoef(truth, guess)[0, 1]))


FIGURES = (
    Figure(
        "agreement",
        "Actual and predicted",
        "Each dot is a row. On the dashed line the prediction is exact; the further a dot is from it, the "
        "worse.",
        agreement,
    ),
    Figure(
        "residuals",
        "Residuals",
        "How far predictions are off, and to which side. A narrow heap around zero is good; a heap beside "
        "zero means that the scorer is off in the same direction again and again. The root scale keeps "
        "single rows visible.",
        histogram,
    ),
    Figure(
        "residual-drift",
        "Residuals by prediction",
        "Whether errors depend on the size of the prediction. The line should run along zero and the cloud "
        "should not fan out.",
        drift,
    ),
    Figure(
        "error-quantiles",
        "Error quantiles",
        "Start from a share of rows: that many of these rows were off by no more than the height of the "
        "line.",
        error_quantiles,
    ),
)
