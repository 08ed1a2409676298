"""A figure: a heading, one sentence for everybody, and one panel for each set of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiment.report.chart import Chart
from experiment.report.markup import Markup, join, tag
from experiment.result import Evaluation, Floats, Integers, Result

Drawing = Chart | Markup
"""A chart, or markup such as a table that is its own picture."""

MOST_CLASSES = 7
"""Classes that get a curve of their own: those with most rows."""


@dataclass(frozen=True)
class Part:
    """Rows to draw, with what every figure needs to know about them."""

    name: str
    """Validation or Test."""
    data: Evaluation
    labels: tuple[str, ...]
    target: str
    shown: tuple[int, ...]
    """Classes that get a curve, in label order; a class's place here is the slot of its colour."""

    @property
    def classes(self) -> Integers:
        """Return true class numbers (n,)."""
        return self.data.truth.astype(np.int64)

    def one_against_rest(self, k: int) -> tuple[Floats, Floats]:
        """Return the scores (n,) and membership (n,) of class `k`."""
        return self.data.prediction[:, k], (self.classes == k).astype(np.float64)

    def pooled(self) -> tuple[Floats, Floats]:
        """Return scores (n * K,) and membership of every pair of row and class: the micro average."""
        member = self.classes[:, None] == np.arange(len(self.labels))
        return self.data.prediction.ravel(), member.ravel().astype(np.float64)


@dataclass(frozen=True)
class Figure:
    """How to draw one figure of a report."""

    slug: str
    title: str
    meaning: str
    """What it shows and how to read it, for somebody who never saw one."""
    draw: Callable[[Part], Drawing | None]
    """Draws one panel; None where the rows do not allow it (a class is absent, say)."""
    beside: int | None = None
    """Classes up to which panels fit beside each other; None for any number."""


def parts_of(result: Result) -> tuple[Part, Part]:
    """Return validation and test; both show the same classes, in the same colours."""
    truth = np.concatenate([result.validation.truth, result.test.truth]).astype(np.int64)
    shown: tuple[int, ...] = ()
    if result.labels:
        support = np.bincount(truth, minlength=len(result.labels))
        shown = tuple(sorted(np.argsort(-support, kind="stable")[:MOST_CLASSES].tolist()))
    about = (result.labels, result.target, shown)
    return Part("Validation", result.validation, *about), Part("Test", result.test, *about)


def render(figure: Figure, parts: Sequence[Part]) -> Markup:
    """Return the figure with a panel for each part, side by side where there is room."""
    panels = []
    for part in parts:
        drawing = figure.draw(part)
        identity = f"{figure.slug}-{part.name.lower()}"
        body = drawing.render(identity) if isinstance(drawing, Chart) else drawing
        if body is None:
            body = tag(
                "p", "These rows cannot show it: all belong to one class, or there are none.", class_="empty"
            )
        heading = tag("h4", part.name, class_="part")
        panels.append(tag("div", heading, body, class_="panel", data_part=part.name.lower()))
    stacked = figure.beside is not None and len(parts[0].labels) > figure.beside
    body = tag("div", *panels, class_="panels stacked" if stacked else "panels")
    return card(figure.slug, figure.title, figure.meaning, body)


def card(slug: str, title: str, meaning: str, body: Markup | None, *, wide: bool = True) -> Markup:
    """Return a framed figure with its heading and caption."""
    caption = tag("figcaption", tag("h3", title), tag("p", meaning))
    return tag("figure", join([caption, body]), class_="card wide" if wide else "card", id=slug)
