"""Validation and test side by side: every metric with its interval, its folds and a blind guess's value."""

import math

import numpy as np

from experiment.report.markup import Markup, join, shape, tag
from experiment.report.metrics import RESAMPLES, Estimate, resamples
from experiment.report.number import MISSING, interval, percent, plain
from experiment.report.statistic import classification, regression
from experiment.result import Result

STRIP, TALL = 160, 34
"""Size of the drawing of a metric's intervals, in drawing units."""


def guessing(result: Result) -> dict[str, float]:
    """Return the test metrics of a guess that knows nothing of a row.

    It gives each class its share of the training rows; for a regression it answers their mean.
    """
    known, rows = result.validation.truth, len(result.test.truth)
    if not rows or not len(known):
        return {}
    if result.task == "regression":
        statistics = regression(result.test.truth, np.full(rows, known.mean()))
    else:
        shares = np.bincount(known.astype(np.int64), minlength=len(result.labels)) / len(known)
        statistics = classification(result.test.truth, np.tile(shares, (rows, 1)))
    return {key: float(statistic(np.ones((1, rows)))[0]) for key, statistic in statistics.items()}


def section(result: Result, validation: list[Estimate], test: list[Estimate]) -> Markup:
    """Return the table of all metrics and what to make of it."""
    blind = guessing(result)
    lines = [_line(v, t, blind.get(v.metric.key, math.nan)) for v, t in zip(validation, test, strict=True)]
    heads = [
        tag("th", "Metric", scope="col"),
        tag(
            "th",
            "Validation",
            tag("small", f"{len(result.validation.truth):,} rows, out of fold"),
            scope="col",
        ),
        tag("th", "Folds", tag("small", "mean ± sd"), scope="col"),
        tag("th", "Test", tag("small", f"{len(result.test.truth):,} rows, unseen"), scope="col"),
        tag("th", "Side by side", tag("small", "and folds"), scope="col", class_="strips"),
        tag("th", "Guessing", tag("small", "test rows"), scope="col"),
    ]
    caption = tag("caption", "Value, and below it its 95 % interval. ", _key())
    table = tag(
        "table", caption, tag("thead", tag("tr", *heads)), tag("tbody", *lines), class_="numbers metrics"
    )
    region = tag("div", table, class_="scroll", role="region", aria_label="Metrics", tabindex=0)
    return join([tag("p", agreement(validation[0], test[0]), class_="verdict"), region, _method(result)])


def agreement(validation: Estimate, test: Estimate) -> str:
    """Say whether validation and test tell the same story, by the metric that training minimises."""
    name = validation.metric.title
    if any(math.isnan(v) for v in (validation.low, test.low)):
        return f"There are too few rows to compare {validation.metric.spoken} on validation and test."
    both = f"{name} is {plain(validation.value)} on validation and {plain(test.value)} on test"
    if validation.low <= test.high and test.low <= validation.high:
        return f"{both}; the intervals overlap, so the two agree within chance."
    worse = (test.value > validation.value) != validation.metric.higher
    both += ", and the intervals do not overlap:"
    if worse:
        return f"{both} the test rows are harder, or the search fitted the folds."
    return f"{both} the test rows happen to be easier. Expect the worse of the two."


def for_reading(estimate: Estimate) -> str:
    """Return an estimate's value as a person reads it: shares in per cent."""
    return percent(estimate.value) if estimate.metric.share else plain(estimate.value)


def _line(validation: Estimate, test: Estimate, blind: float) -> Markup:
    metric = validation.metric
    better = "higher is better" if metric.higher else "lower is better"
    name = tag("th", tag("b", metric.title), tag("small", f"{metric.meaning} ({better})"), scope="row")
    spread: list[object] = [MISSING]
    if validation.folds:
        spread = [plain(validation.fold_mean), tag("small", f"± {plain(validation.fold_sd, 2)}")]
    cells = [
        _value(validation, "Validation"),
        tag("td", *spread, data_name="Folds, mean and sd"),
        _value(test, "Test", strong=True),
        tag("td", _strip(validation, test), class_="strips", data_name="Side by side"),
        tag("td", percent(blind) if metric.share else plain(blind), data_name="Guessing"),
    ]
    return tag("tr", name, *cells)


def _value(estimate: Estimate, name: str, *, strong: bool = False) -> Markup:
    words = interval(estimate.low, estimate.high, share=estimate.metric.share)
    number = tag("b" if strong else "span", for_reading(estimate), class_="number")
    return tag("td", number, tag("small", words), data_name=name)


def _strip(validation: Estimate, test: Estimate) -> Markup:
    """Draw both intervals and the folds on one scale."""
    values = [
        validation.low,
        validation.value,
        validation.high,
        test.low,
        test.value,
        test.high,
        *validation.folds,
    ]
    known = [v for v in values if not math.isnan(v)]
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    pieces = [
        shape(
            "line",
            x1=_x(v, low - air, high + air),
            x2=_x(v, low - air, high + air),
            y1=7,
            y2=15,
            class_="fold cp",
        )
        for v in validation.folds
    ]
    for estimate, y, colour in ((validation, 11, "cp"), (test, 25, "c0")):
        if math.isnan(estimate.value):
            continue
        if not math.isnan(estimate.low):
            ends = {
                "x1": _x(estimate.low, low - air, high + air),
                "x2": _x(estimate.high, low - air, high + air),
            }
            pieces.append(shape("line", **ends, y1=y, y2=y, class_=f"whisker {colour}"))
        pieces.append(
            shape("circle", cx=_x(estimate.value, low - air, high + air), cy=y, r=4.5, class_=f"dot {colour}")
        )
    # The cells beside it say the same in numbers.
    return shape("svg", *pieces, viewBox=f"0 0 {STRIP} {TALL}", aria_hidden="true", class_="strip-plot")


def _x(value: float, low: float, high: float) -> str:
    return f"{5 + (STRIP - 10) * (value - low) / (high - low):.1f}"


def _key() -> Markup:
    return join(
        [
            tag("span", class_="key dot cp", aria_hidden="true"),
            "validation, ticks are folds",
            tag("span", class_="key dot c0", aria_hidden="true"),
            "test",
        ]
    )


def _method(result: Result) -> Markup:
    drawn = resamples(len(result.test.truth)) or RESAMPLES
    return tag(
        "p",
        f"Intervals: rows drawn again with replacement, {drawn:,} times on test; the middle 95 % of the "
        "values. They speak "
        "of the luck of these rows only. How much another training set would change the number is better "
        "seen in the spread of the folds. No spread: every resample gave the same, as when no row was "
        "wrong. Guessing: "
        + (
            "the mean of the training rows."
            if result.task == "regression"
            else "the class shares of the training rows."
        ),
        class_="hint",
    )
