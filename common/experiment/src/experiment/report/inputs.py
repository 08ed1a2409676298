"""The input columns, the features made of them and the forest's parameters."""

from experiment.report.markup import Markup, join, tag
from experiment.report.number import MISSING, count, percent, plural
from experiment.result import Result

UNFOLDED = 12
"""Columns that are shown without a click."""


def section(result: Result) -> Markup:
    """Return the table of input columns and two folded lists: features and parameters."""
    names = (("Column", None), ("Type", "word"), ("Missing", None), ("Distinct", None), ("Values", "word"))
    heads = [tag("th", name, scope="col", class_=kind) for name, kind in names]
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
        region = tag(
            "details",
            tag("summary", f"All {plural(len(lines), 'input column')}"),
            region,
            open=len(lines) <= 40,
        )
    features = tag("ul", *[tag("li", name) for name in result.features], class_="chips")
    return join(
        [
            region,
            tag(
                "details",
                tag("summary", f"{plural(len(result.features), 'feature')} that the forest reads"),
                features,
            ),
            tag("details", tag("summary", "LightGBM parameters"), *_settings(result.parameters)),
        ]
    )


def _settings(parameters: dict[str, object]) -> list[Markup]:
    """Return parameters as lists of terms; parameters of a kind (a member's, say) get a list of their own."""
    single = {key: value for key, value in parameters.items() if not isinstance(value, dict)}
    lists = [tag("dl", *_pairs(single), class_="facts tight")] if single else []
    for name, group in parameters.items():
        if isinstance(group, dict):
            lists += [tag("h3", name), tag("dl", *_pairs(group), class_="facts tight")]
    return lists


def _pairs(parameters: dict[str, object]) -> list[Markup]:
    shown = {
        key: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for key, value in parameters.items()
    }
    return [tag("div", tag("dt", key), tag("dd", value or MISSING)) for key, value in sorted(shown.items())]
