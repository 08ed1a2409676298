"""What a reader should know before believing the numbers."""

import math

from experiment.report.comparison import agreement
from experiment.report.markup import Markup, tag
from experiment.report.metrics import Estimate, clipped
from experiment.report.number import plural
from experiment.report.worst import NAMED, concentration
from experiment.result import Caution, Result

TITLES = {
    "budget": "The time budget ended first",
    "clipped": "Certain and wrong",
    "concentrated": "A handful of rows decides the loss",
    "constant": "Constant column",
    "disagreement": "Validation and test disagree",
    "dropped": "Columns left out",
    "drift": "Test rows differ from training rows",
    "duplicate_rows": "Duplicate rows",
    "leakage": "Possible leakage",
    "ordered_label": "The label comes in runs",
    "simulated": "Simulated data",
    "small_class": "Small class",
    "small_test": "Few test rows",
}
MILD = frozenset({"budget", "constant", "dropped"})
"""Cautions that are told last: they say what was done, not that a number may mislead."""
FEW = 100
"""Test rows below which a caution is given."""


def cautions(result: Result, validation: list[Estimate], test: list[Estimate]) -> list[Caution]:
    """Return the experiment's own warnings, then those that the numbers themselves give rise to."""
    found = [w for w in result.warnings if not (w.code == "simulated" and result.simulated)]
    told = {warning.code for warning in found}
    rows = len(result.test.truth)
    spread = concentration(result)
    if rows < FEW and "small_test" not in told:
        found.append(
            Caution("small_test", f"{plural(rows, 'test row')} only: the intervals are wide for a reason.")
        )
    if rows >= FEW and spread.share(NAMED) > 0.5:
        found.append(
            Caution("concentrated", f"{spread.sentence()} Another split may give quite another loss.")
        )
    if result.task != "regression" and clipped(result.test):
        many = plural(clipped(result.test), "test row")
        found.append(
            Caution(
                "clipped", f"{many} gave the true class a probability of 0; log loss counts 2.2e-16 instead."
            )
        )
    first, second = validation[0], test[0]
    if not math.isnan(first.low + second.low) and (first.low > second.high or second.low > first.high):
        found.append(Caution("disagreement", agreement(first, second)))
    return sorted(found, key=lambda caution: caution.code in MILD)


def section(found: list[Caution], *, simulated: bool) -> Markup | None:
    """Return the cautions as a list that is hard to overlook, or the statement that there are none.

    Simulated data get no such statement: the banner is caution enough.
    """
    if not found and simulated:
        return None
    if not found:
        return tag("p", "No caution: none of the checks found anything to warn of.", class_="clear")
    items = [tag("li", tag("b", title(caution.code)), tag("span", caution.detail)) for caution in found]
    heading = tag("h2", "Read this first", id="cautions-title")
    return tag(
        "aside",
        heading,
        tag("ul", *items),
        class_="cautions",
        aria_labelledby="cautions-title",
        id="cautions",
    )


def banner(result: Result) -> Markup | None:
    """Return the banner that says that the data are simulated, if they are."""
    if not result.simulated:
        return None
    return tag(
        "div",
        tag("strong", "SIMULATED DATA"),
        tag("span", "These rows were made by a program. No number here says anything about the real world."),
        class_="simulated",
        role="note",
    )


def title(code: str) -> str:
    """Return a caution's heading; an unknown code is its own, in words."""
    return TITLES.get(code, code.replace("_", " ").strip().capitalize())
