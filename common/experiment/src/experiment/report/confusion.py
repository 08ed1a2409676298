"""The confusion matrix and the figures of each class, as real tables."""

import numpy as np

from experiment.report.figure import Figure, Part
from experiment.report.markup import Markup, join, tag
from experiment.report.number import MISSING, count, percent, plain
from experiment.result import Floats

MOST = 10
"""Classes that get a line of their own; the rest are pooled."""


def matrix(part: Part) -> Markup | None:
    """Return the confusion matrix as a shaded table, then precision, recall and F1 of each class."""
    if not len(part.data.truth):
        return None
    exact = _counts(part)
    table, names = _pooled(exact, part.labels)
    guess_head = tag("th", "Guess", colspan=len(names), scope="colgroup", class_="span")
    head = [
        tag("tr", tag("td", class_="corner"), guess_head, tag("td", class_="corner")),
        tag(
            "tr",
            tag("th", "Truth", scope="col"),
            *[tag("th", n, scope="col", title=n) for n in names],
            tag("th", "rows"),
        ),
    ]
    lines = []
    for i, name in enumerate(names):
        total = table[i].sum()
        pooled = i >= len(names) - 1 and len(names) < len(part.labels)
        cells = [_cell(table[i, j], total, i == j, mixed=pooled and i == j) for j in range(len(names))]
        lines.append(
            tag(
                "tr",
                tag("th", name, scope="row", title=name),
                *cells,
                tag("td", count(int(total)), class_="total"),
            )
        )
    right = int(np.trace(exact))
    caption = tag("caption", f"{count(right)} of {count(len(part.classes))} rows are right")
    shaded = tag("table", caption, tag("thead", *head), tag("tbody", *lines), class_="confusion")
    return join([_scroll(shaded, f"Confusion matrix, {part.name.lower()}"), _by_class(exact, part)])


def _counts(part: Part) -> Floats:
    classes = len(part.labels)
    cell = part.classes * classes + part.data.prediction.argmax(axis=1)
    return np.bincount(cell, minlength=classes * classes).reshape(classes, classes).astype(np.float64)


def _pooled(table: Floats, labels: tuple[str, ...]) -> tuple[Floats, list[str]]:
    """Pool all but the largest classes into one."""
    if len(labels) <= MOST:
        return table, list(labels)
    largest = sorted(np.argsort(-table.sum(axis=1), kind="stable")[: MOST - 1].tolist())
    group = np.full(len(labels), MOST - 1)
    group[largest] = np.arange(MOST - 1)
    small = np.zeros((MOST, MOST))
    np.add.at(small, (group[:, None], group[None, :]), table)
    return small, [labels[k] for k in largest] + [f"{len(labels) - MOST + 1} other classes, pooled"]


def _cell(rows: float, total: float, right: bool, *, mixed: bool) -> Markup:
    """Return one shaded cell; a `mixed` one holds right and wrong guesses of pooled classes, unshaded."""
    share = rows / total if total else 0.0
    kind = "right" if right else "wrong"
    body = [tag("b", count(int(rows)))]
    if rows:
        body.append(tag("small", percent(share)))
    # Errors are rare and matter, so that their shade grows with the root of the share.
    depth = share if right else share**0.5
    return tag("td", *body, class_=kind if rows and not mixed else "none", style=f"--share:{depth:.3f}")


def _by_class(table: Floats, part: Part) -> Markup:
    lines = []
    for k, name in enumerate(part.labels):
        hit, truth, guessed = table[k, k], table[k].sum(), table[:, k].sum()
        precision = percent(hit / guessed) if guessed else MISSING
        recall = percent(hit / truth) if truth else MISSING
        both = plain(2 * hit / (truth + guessed)) if truth + guessed else MISSING
        cells = [tag("td", value) for value in (precision, recall, both, count(int(truth)))]
        lines.append(tag("tr", tag("th", name, scope="row", class_="clip", title=name), *cells))
    heads = [tag("th", h, scope="col") for h in ("Class", "Precision", "Recall", "F1", "Rows")]
    caption = tag(
        "caption", "Precision: finds that are right. Recall: share of the class found. F1: both in one."
    )
    table_ = tag(
        "table", caption, tag("thead", tag("tr", *heads)), tag("tbody", *lines), class_="numbers sortable"
    )
    return _scroll(table_, f"Figures by class, {part.name.lower()}")


def _scroll(table: Markup, name: str) -> Markup:
    return tag("div", table, class_="scroll", role="region", aria_label=name, tabindex=0)


FIGURES = (
    Figure(
        "confusion",
        "Confusion matrix",
        "One line for each true class, one column for each guess. The diagonal holds what was right; "
        "everything off it is a mistake. Shares are of the line.",
        matrix,
        beside=4,
    ),
)
