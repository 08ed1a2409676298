"""A small SVG chart: axes, lines, bars and points, coloured by CSS variables to follow the page's theme."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from experiment.report.axis import Axis
from experiment.report.markup import Markup, join, shape, tag
from experiment.result import Floats

WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 30, 46
SLOTS = 8
"""Colours for series; further series reuse them with a dashed line."""
POOLED = "p"
"""The slot of a series that pools all classes."""


@dataclass(frozen=True)
class Entry:
    """One line of a chart's legend."""

    slot: int | str
    name: str
    value: str = ""
    mark: str = "line"
    """line, dash, box or dot."""


@dataclass
class Chart:
    """Collects shapes, then renders one accessible SVG element and its legend."""

    title: str
    x: Axis
    y: Axis
    description: str = ""
    """What the picture shows, in words, for those who do not see it."""
    height: int = HEIGHT
    legend: list[Entry] = field(default_factory=list)
    _shapes: list[Markup] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point in the drawing's units."""
        xs, ys = self._places([x], [y])
        return float(xs[0]), float(ys[0])

    def line(
        self,
        x: ArrayLike,
        y: ArrayLike,
        slot: int | str,
        name: str,
        value: str = "",
        *,
        quiet: bool = False,
        nest: int = 0,
    ) -> None:
        """Draw a line through points and name it in the legend (unless `quiet`); a pointer reads its values.

        `nest` says how many lines will follow that may cover this one: it is drawn the wider.
        """
        dashed = slot == POOLED or (isinstance(slot, int) and slot >= SLOTS)
        style = f"line {colour(slot)}" + (" dash" if dashed else "")
        points = _points(*self._places(x, y))
        # Nested widths: where lines run on top of each other, the earlier ones still show at the sides.
        width = None if dashed or not nest else f"stroke-width:{_n(2 + 1.1 * min(nest, 3))}"
        self._shapes.append(shape("polyline", points=points, class_=style, style=width, data_name=name))
        if not quiet:
            self.legend.append(Entry(slot, name, value, "dash" if dashed else "line"))

    def area(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, slot: int | str) -> None:
        """Fill the band between two lines."""
        xs, tops = self._places(x, high)
        _, bottoms = self._places(x, low)
        points = _points(np.concatenate([xs, xs[::-1]]), np.concatenate([tops, bottoms[::-1]]))
        self._shapes.append(shape("polygon", points=points, class_=f"area {colour(slot)}"))

    def bars(
        self, edges: ArrayLike, heights: ArrayLike, slot: int | str, tips: list[str], *, gap: float = 1.0
    ) -> None:
        """Draw bars from the bottom of the chart; `edges` has one more value than `heights`."""
        across, tops = self._places(edges, np.append(np.asarray(heights, dtype=np.float64), self.y.low))
        floor = float(tops[-1])
        for left, right, top, tip in zip(across[:-1], across[1:], tops[:-1], tips, strict=True):
            self._shapes.append(
                shape(
                    "rect",
                    shape("title", tip),
                    x=_n(left + gap / 2),
                    y=_n(top),
                    width=_n(max(right - left - gap, 0.5)),
                    height=_n(max(floor - top, 0.0)),
                    class_=f"bar {colour(slot)}",
                )
            )

    def cloud(self, x: ArrayLike, y: ArrayLike, slot: int | str) -> None:
        """Draw many small points in few bytes: a path of zero-length strokes with round ends."""
        xs, ys = self._places(x, y)
        path = "".join(f"M{_n(a)},{_n(b)}h0" for a, b in zip(xs, ys, strict=True))
        self._shapes.append(shape("path", d=path, class_=f"cloud {colour(slot)}"))

    def dot(
        self, x: float, y: float, slot: int | str, tip: str, *, hollow: bool = False, size: float = 4.5
    ) -> None:
        """Draw one point with a tip of its own."""
        a, b = self.at(x, y)
        style = f"dot {colour(slot)}" + (" hollow" if hollow else "")
        self._shapes.append(
            shape("circle", shape("title", tip), cx=_n(a), cy=_n(b), r=_n(size), class_=style)
        )

    def mark(
        self, slot: int | str, name: str, value: str = "", *, hollow: bool = False, kind: str = "dot"
    ) -> None:
        """Add a line to the legend for something that is not a series."""
        self.legend.append(Entry(slot, name, value, f"{kind} hollow" if hollow else kind))

    def stroke(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """Draw a straight helper line: `reference`, `whisker` or `gap`."""
        (a, b), (c, d) = self.at(x1, y1), self.at(x2, y2)
        self._shapes.append(shape("line", x1=_n(a), y1=_n(b), x2=_n(c), y2=_n(d), class_=style))

    def note(
        self, x: float, y: float, words: str, anchor: str = "start", dx: float = 0, dy: float = 0
    ) -> None:
        """Write words at a point, moved by (dx, dy) drawing units."""
        a, b = self.at(x, y)
        self._shapes.append(
            shape("text", words, x=_n(a + dx), y=_n(b + dy), text_anchor=anchor, class_="note")
        )

    def render(self, identity: str) -> Markup:
        """Return the SVG element, with `identity` as the stem of its element ids, and the legend."""
        box = f"{LEFT},{TOP},{WIDTH - LEFT - RIGHT},{self.height - TOP - BOTTOM}"
        clip = f"{identity}-clip"
        picture = shape(
            "svg",
            shape("title", self.title, id=f"{identity}-t"),
            shape("desc", self.description, id=f"{identity}-d"),
            shape("clipPath", self._frame(3), id=clip),
            self._axes(),
            shape("g", *self._shapes, clip_path=f"url(#{clip})"),
            viewBox=f"0 0 {WIDTH} {self.height}",
            role="img",
            aria_labelledby=f"{identity}-t {identity}-d",
            data_box=box,
            data_x=_range(self.x),
            data_y=_range(self.y),
            tabindex=0 if any("data-name" in s for s in self._shapes) else None,
        )
        return join([tag("div", picture, class_="plot"), _legend(self.legend)])

    def _places(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        xs = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
        ys = self.height - BOTTOM - self.y.place(y) * (self.height - TOP - BOTTOM)
        return xs, ys

    def _frame(self, air: int) -> Markup:
        return shape(
            "rect",
            x=LEFT - air,
            y=TOP - air,
            width=WIDTH - LEFT - RIGHT + 2 * air,
            height=self.height - TOP - BOTTOM + 2 * air,
        )

    def _axes(self) -> Markup:
        right, bottom = WIDTH - RIGHT, self.height - BOTTOM
        pieces: list[Markup] = []
        for place, label in self.y.marks():
            y = _n(bottom - place * (bottom - TOP))
            pieces.append(shape("line", x1=LEFT, x2=right, y1=y, y2=y, class_="grid"))
            pieces.append(shape("text", label, x=LEFT - 8, y=y, dy="0.35em", text_anchor="end"))
        for place, label in self.x.marks():
            x = LEFT + place * (right - LEFT)
            anchor = "end" if x > right - 4 and len(label) > 6 else "middle"
            pieces.append(shape("line", x1=_n(x), x2=_n(x), y1=bottom, y2=bottom + 4, class_="tick"))
            pieces.append(shape("text", label, x=_n(x), y=bottom + 18, text_anchor=anchor))
        pieces.append(shape("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="base"))
        pieces.append(shape("text", self.y.title, x=6, y=14, class_="axis"))
        pieces.append(
            shape("text", self.x.title, x=right, y=self.height - 8, text_anchor="end", class_="axis")
        )
        return shape("g", *pieces, aria_hidden="true")


def colour(slot: int | str) -> str:
    """Return the CSS class that colours a series."""
    return f"c{slot % SLOTS}" if isinstance(slot, int) else f"c{slot}"


def _legend(entries: list[Entry]) -> Markup | None:
    if not entries:
        return None
    items = [
        tag(
            "li",
            tag("span", class_=f"key {entry.mark} {colour(entry.slot)}", aria_hidden="true"),
            tag("span", entry.name, class_="name"),
            tag("span", entry.value, class_="value") if entry.value else None,
        )
        for entry in entries
    ]
    return tag("ul", *items, class_="legend")


def _range(axis: Axis) -> str:
    scale = "log" if axis.log else "root" if axis.root else "linear"
    unit = "share" if axis.label(0.5).endswith("%") else "plain"
    return f"{axis.low:.10g},{axis.high:.10g},{scale},{unit}"


def _points(xs: Floats, ys: Floats) -> str:
    return " ".join(f"{_n(a)},{_n(b)}" for a, b in zip(xs, ys, strict=True))


def _n(value: float) -> str:
    """Write a drawing unit with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
