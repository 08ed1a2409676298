"""What the forest uses beside what it needs: gain by feature and permutation by input."""

from experiment.report.figure import card
from experiment.report.markup import Markup, join, tag
from experiment.report.number import NARROW, percent, plain, plural
from experiment.result import Importance, Result

SHOWN = 15
"""Columns shown at once; the others are one click away."""


def figure(result: Result) -> Markup:
    """Return the two rankings side by side."""
    use = _panel(
        "Gain: what the forest used",
        "By feature column: how much the splits on it lowered the training loss.",
        result.gain,
        "c0",
        relative=True,
    )
    need = _panel(
        "Permutation: what the answer needs",
        "By input column: how much the test loss rises when the column is shuffled.",
        result.permutation,
        "c2",
        relative=False,
    )
    meaning = (
        "Gain counts what the forest leaned on while it learned, and flatters columns with many values. "
        "Permutation is the honest ranking: it asks unseen rows. Columns that say the same thing can stand "
        "in for each other, so both may rank low there."
    )
    return card("importance", "Variable importance", meaning, tag("div", use, need, class_="panels"))


def ranked(importance: Importance) -> list[tuple[str, float]]:
    """Return (name, value) with the largest value first; equal values keep their order."""
    pairs = zip(importance.names, importance.values, strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])


def _panel(title: str, meaning: str, importance: Importance, colour: str, *, relative: bool) -> Markup:
    pairs = ranked(importance)
    heading = [tag("h4", title, class_="part"), tag("p", meaning, class_="hint")]
    if not pairs:
        return tag("div", *heading, tag("p", "Not measured.", class_="empty"), class_="panel")
    top = max(max(value for _, value in pairs), 0.0)
    total = sum(value for _, value in pairs)
    lines = [_bar(name, value, top, total if relative else None, colour) for name, value in pairs]
    shown = SHOWN if len(lines) > SHOWN + 4 else len(lines)
    body = [tag("ol", *lines[:shown], class_="bars")]
    if len(lines) > shown:
        rest = tag("ol", *lines[shown:], class_="bars", start=shown + 1)
        body.append(tag("details", tag("summary", f"{plural(len(lines) - shown, 'more column')}"), rest))
    return tag("div", join(heading), *body, class_="panel")


def _bar(name: str, value: float, top: float, total: float | None, colour: str) -> Markup:
    width = 100 * max(value, 0.0) / top if top > 0 else 0.0
    shown = _share(value / total) if total else plain(value, 3)
    return tag(
        "li",
        tag("span", name, class_="name", title=name),
        tag("span", tag("i", class_=colour, style=f"width:{width:.1f}%"), class_="track", aria_hidden="true"),
        tag("span", shown, class_="value"),
        class_="low" if value <= 0 else None,
    )


def _share(share: float) -> str:
    return percent(share) if share >= 0.001 or share == 0 else f"<{NARROW}0.1{NARROW}%"
