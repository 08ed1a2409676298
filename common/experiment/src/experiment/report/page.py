"""The page: every section in order, in one self-contained HTML file."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from experiment.measure import Measurement
from experiment.report import (
    artifact,
    calibration,
    caution,
    comparison,
    confusion,
    inputs,
    ranking,
    residual,
    summary,
    theme,
    worst,
)
from experiment.report.figure import Figure, parts_of, render
from experiment.report.importance import figure as importance_figure
from experiment.report.learning import curve, search
from experiment.report.markup import Markup, join, tag
from experiment.report.metrics import estimates
from experiment.result import Result

CLASS_FIGURES = (
    *confusion.FIGURES,
    *ranking.FIGURES[:2],
    *calibration.FIGURES,
    *ranking.FIGURES[2:],
)
NUMBER_FIGURES = residual.FIGURES


@dataclass(frozen=True)
class Section:
    """One entry of the table of contents and what it leads to."""

    slug: str
    title: str
    body: Markup
    aside: Markup | None = None
    """Controls beside the heading."""


def compose(result: Result, measured: Measurement | None) -> str:
    """Return the report as the text of an HTML file; the same input gives the same text."""
    validation = estimates(result.validation, result.task, result.seed)
    test = estimates(result.test, result.task, result.seed)
    top = join([summary.headline(result, test), summary.facts(result)])
    found = caution.cautions(result, validation, test)
    sections = [
        Section("metrics", "Validation and test", comparison.section(result, validation, test)),
        Section("worst", "Worst rows", worst.section(result)),
        Section("pictures", "Pictures", _figures(result), _views()),
        Section("columns", "What matters", importance_figure(result)),
        Section("training", "Training", tag("div", curve(result), search(result), class_="grid")),
    ]
    if measured is not None:
        sections.append(Section("artifact", "Artifact", artifact.section(measured)))
    sections.append(Section("inputs", "Inputs and settings", inputs.section(result)))
    answer = tag(
        "section",
        tag("h2", "In short", class_="quiet", id="answer-title"),
        top,
        id="answer",
        aria_labelledby="answer-title",
    )
    main = tag(
        "main",
        tag("header", summary.heading(result, _toggle()), class_="masthead"),
        caution.section(found, simulated=result.simulated),
        answer,
        *[_section(section) for section in sections],
        _footer(result),
        id="top",
    )
    layout = tag("div", _contents(sections), main, class_="layout")
    return _document(result, join([caution.banner(result), layout]))


def figures_of(task: str) -> tuple[Figure, ...]:
    """Return the figures that a task gets, in order."""
    return NUMBER_FIGURES if task == "regression" else CLASS_FIGURES


def _figures(result: Result) -> Markup:
    parts = parts_of(result)
    return tag("div", *[render(figure, parts) for figure in figures_of(result.task)], class_="figures")


def _section(section: Section) -> Markup:
    heading = tag("h2", section.title, id=f"{section.slug}-title")
    if section.aside is not None:
        heading = tag("div", heading, section.aside, class_="section-head")
    return tag("section", heading, section.body, id=section.slug, aria_labelledby=f"{section.slug}-title")


def _contents(sections: Sequence[Section]) -> Markup:
    entries = [("answer", "In short"), *[(s.slug, s.title) for s in sections]]
    items = [tag("li", tag("a", title, href=f"#{slug}")) for slug, title in entries]
    return tag("nav", tag("h2", "Contents"), tag("ul", *items), aria_label="Contents")


def _views() -> Markup:
    choices = [("both", "Side by side", True), ("validation", "Validation", False), ("test", "Test", False)]
    labels = [
        tag(
            "label",
            tag("input", type="radio", name="view", id=f"view-{key}", value=key, checked=checked),
            tag("span", name),
        )
        for key, name, checked in choices
    ]
    return tag("fieldset", tag("legend", "Show"), *labels, class_="views")


def _toggle() -> Markup:
    return tag("button", "Theme", type="button", id="theme", class_="theme", hidden=True)


def _footer(result: Result) -> Markup:
    words = "This file is complete in itself: it loads nothing and sends nothing."
    return tag("footer", tag("p", words), tag("p", result.attribution) if result.attribution else None)


def _document(result: Result, body: Markup) -> str:
    style = theme.variables() + _shrunk(_text("style.css"))
    script = _text("script.js")
    # The policy names the script by its digest: nothing that came with the data can run or load anything.
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{result.name}: experiment report"),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(style)),
    )
    page = tag(
        "body",
        tag("a", "Skip to the report", href="#top", class_="skip"),
        body,
        tag("div", id="tip", role="status", hidden=True),
        tag("script", Markup(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, page, lang='en')}\n"


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _shrunk(css: str) -> str:
    """Return a style sheet without comments and line ends."""
    return re.sub(r"\s*\n\s*", "", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))
