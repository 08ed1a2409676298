"""Figures of how the forest was found: the learning curve and the feature search."""

import numpy as np

from experiment.report.axis import Axis, spanning
from experiment.report.chart import Chart
from experiment.report.curve import thin
from experiment.report.figure import card
from experiment.report.markup import Markup, join, tag
from experiment.report.number import count, percent, plain
from experiment.result import Floats, Result


def curve(result: Result) -> Markup:
    """Return the loss on training and held-out rows by iteration."""
    meaning = (
        "Loss while trees are added, as the mean over folds. Where the held-out line stops falling, more "
        "trees only learn the training rows by heart; a wide gap between the lines means much of that."
    )
    if len(result.learning_curve) < 2:
        return card(
            "learning", "Learning curve", meaning, tag("p", "Not recorded.", class_="empty"), wide=False
        )
    table = np.array(result.learning_curve, dtype=np.float64)
    iteration, train, held_out = table.T
    best = int(np.argmin(held_out))
    y = _loss_axis("Loss, mean over folds", np.concatenate([train, held_out]))
    chart = Chart(
        "Learning curve",
        Axis("Iteration (trees of each class)", float(iteration[0]), float(iteration[-1])),
        y,
        f"Held-out loss is least, {plain(float(held_out[best]))}, at iteration {int(iteration[best])}.",
    )
    chart.stroke(float(iteration[best]), y.low, float(iteration[best]), float(held_out[best]), "reference")
    for slot, name, losses in ((0, "training rows", train), (1, "held-out rows", held_out)):
        # Thinned as drawn: on a logarithmic axis a straight line is another one than among the losses.
        kept, _ = thin(iteration, y.place(losses))
        at = np.searchsorted(iteration, kept)
        chart.line(kept, losses[at], slot, name, f"ends at {plain(float(losses[-1]), 3)}")
    tip = f"least held-out loss {plain(float(held_out[best]))} at iteration {int(iteration[best])}"
    chart.dot(float(iteration[best]), float(held_out[best]), 1, tip)
    chart.mark(
        1, f"least held-out loss, iteration {count(int(iteration[best]))}", plain(float(held_out[best]), 3)
    )
    return card("learning", "Learning curve", meaning, chart.render("learning-curve"), wide=False)


def search(result: Result) -> Markup:
    """Return the steps of the feature search: what each did to the cross-validated loss."""
    meaning = (
        "Feature groups tried one after another. A filled dot was kept because it lowered the "
        "cross-validated loss, a hollow one was not. Choosing by these losses makes the last of them a "
        "little optimistic."
    )
    steps = result.feature_search
    if not steps:
        body = tag(
            "p", "No feature search was run: the forest reads the columns as they are.", class_="empty"
        )
        return card("search", "Feature search", meaning, body, wide=False)
    before, after = (np.array([s[k] for s in steps], dtype=np.float64) for k in (1, 2))
    kept = after < before
    best = np.minimum.accumulate(np.concatenate([before[:1], np.where(kept, after, np.inf)]))
    span = np.concatenate([before, after])
    chart = Chart(
        "Feature search",
        Axis("Step", 0, len(steps), ticks=_whole(len(steps))),
        _loss_axis("Cross-validated loss", span),
        f"{plain(float(before[0]))} to {plain(float(best[-1]))}; {int(kept.sum())} of {len(steps)} kept.",
        height=240,
    )
    place = np.arange(len(best), dtype=np.float64)
    chart.line(np.repeat(place, 2)[1:], np.repeat(best, 2)[:-1], 0, "best so far", quiet=True)
    for k, (name, old, new) in enumerate(steps):
        chart.dot(k + 1, new, 0, f"{name}: {plain(old)} to {plain(new)}", hollow=not kept[k])
    chart.mark(
        0,
        f"{int(kept.sum())} of {len(steps)} steps kept",
        f"{plain(float(before[0]), 3)} → {plain(float(best[-1]), 3)}",
    )
    return card(
        "search", "Feature search", meaning, join([chart.render("search-steps"), _table(result)]), wide=False
    )


def _table(result: Result) -> Markup:
    lines = []
    for k, (name, before, after) in enumerate(result.feature_search):
        kept = after < before
        change = (after - before) / before if before else 0.0
        cells = [
            tag("td", k + 1),
            tag("th", name, scope="row", class_="step"),
            tag("td", plain(before)),
            tag("td", plain(after)),
            tag("td", ("+" if change > 0 else "") + percent(change)),
            tag("td", "kept" if kept else "dropped", class_="kept" if kept else "dropped"),
        ]
        lines.append(tag("tr", *cells))
    heads = [tag("th", h, scope="col") for h in ("Step", "Tried", "Loss before", "after", "Change", "")]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *lines), class_="numbers")
    region = tag("div", table, class_="scroll", role="region", aria_label="Feature search steps", tabindex=0)
    return tag("details", tag("summary", "The steps in numbers"), region)


def _loss_axis(title: str, values: Floats) -> Axis:
    """Return a linear axis, or a logarithmic one where losses differ by more than a factor of 30."""
    positive = values[np.isfinite(values) & (values > 0)]
    if len(positive) == len(values) and positive.max() > 30 * positive.min():
        return Axis(
            f"{title} (log scale)", float(positive.min()) / 1.3, float(positive.max()) * 1.3, log=True
        )
    return spanning(title, values)


def _whole(steps: int) -> tuple[float, ...]:
    stride = max(1, -(-steps // 8))
    return tuple(float(k) for k in range(0, steps + 1, stride))
