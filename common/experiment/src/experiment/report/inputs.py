"""The input columns, the features made of them and the forest's parameters."""

from ..result import Result
from .markup import Markup, join, tag
from .number import count, percent, plural

UNFOLDED = 12
"""Columns that are shown without a click."""


def section(result: Result) -> Markup:
    """Return the table of input columns and two folded lists: features and parameters."""
    heads = [tag("th", h, scope="col") for h in ("Column", "Type", "Missing", "Distinct", "Values")]
    lines = [
        tag(
            "tr",
            tag("th", column.name, scope="row"),
            tag("td", column.type, class_="word"),
            tag("td", percent(column.missing), class_="missing" if column.missing > 0 else None),
            tag("td", count(column.distinct)),
            tag("td", column.summary, class_="word wrap"),
        )
        for column in result.columns
    ]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *lines), class_="numbers sortable")
    region = tag("div", table, class_="scroll", role="region", aria_label="Input columns", tabindex=0)
    if len(lines) > UNFOLDED:
        region = tag("details", tag("summary", f"All {plural(len(lines), 'input column')}"), region, open=len(lines) <= 40)
    features = tag("ul", *[tag("li", name) for name in result.features], class_="chips")
    pairs = [tag("div", tag("dt", k), tag("dd", str(v))) for k, v in sorted(result.parameters.items())]
    return join(
        [
            region,
            tag("details", tag("summary", f"{plural(len(result.features), 'feature')} that the forest reads"), features),
            tag("details", tag("summary", "LightGBM parameters"), tag("dl", *pairs, class_="facts tight")),
        ]
    )
