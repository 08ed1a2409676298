"""The rows that cost most: on good models a handful of them is nearly the whole loss."""

from dataclasses import dataclass

import numpy as np

from experiment.report.importance import ranked
from experiment.report.markup import Markup, join, tag
from experiment.report.number import percent, plain, plural
from experiment.report.statistic import chosen, row_loss
from experiment.result import Floats, Integers, Result

NAMED = 5
"""Rows that the sentence speaks of."""
LISTED = 12
"""Rows that the table lists."""
PIECES = 10
"""Rows that get a piece of their own in the strip."""


@dataclass(frozen=True)
class Concentration:
    """How the loss of the test rows is shared among them."""

    order: Integers
    """(n,) positions in the test set, largest loss first."""
    loss: Floats
    """(n,) loss of each row, in test order."""

    @property
    def total(self) -> float:
        """Return the loss of all rows together."""
        return float(self.loss.sum())

    def share(self, rows: int) -> float:
        """Return which share of the loss the `rows` worst rows carry; 0 if there is no loss at all."""
        return float(self.loss[self.order[:rows]].sum() / self.total) if self.total > 0 else 0.0

    def sentence(self) -> str:
        """Say it in words."""
        rows = min(NAMED, len(self.order))
        if not rows:
            return "There are no test rows."
        if self.total == 0:
            return "No row carries any loss: every prediction is exact."
        if rows == 1:
            return f"The worst row carries {percent(self.share(1))} of the loss."
        return f"The {rows} worst rows carry {percent(self.share(rows))} of the loss."


def concentration(result: Result) -> Concentration:
    """Return how the loss of the test rows is shared."""
    loss = row_loss(result.test.truth, result.test.prediction) if len(result.test.truth) else np.empty(0)
    return Concentration(np.argsort(-loss, kind="stable"), loss)


def section(result: Result) -> Markup:
    """Return the sentence, the strip that shows it, and the table of the worst rows with their cells."""
    spread = concentration(result)
    explained = (
        "squared error"
        if result.task == "regression"
        else "minus the logarithm of the true class's probability"
    )
    words = tag(
        "p", tag("strong", spread.sentence()), f" The loss of a row is {explained}. ", _advice(spread)
    )
    if not len(spread.order) or spread.total == 0:
        return words
    return join([words, _strip(spread, result), _table(spread, result)])


def _advice(spread: Concentration) -> str:
    if len(spread.order) >= 50 and spread.share(NAMED) > 0.5:
        return (
            "With so few rows deciding it, another split of the data would give another number: look at "
            "these rows before comparing losses."
        )
    if len(spread.order) >= 50 and spread.share(NAMED) < 0.2:
        return "No small group of rows decides the number."
    return "A few rows weigh heavily: look at them before comparing losses."


def _strip(spread: Concentration, result: Result) -> Markup:
    pieces = []
    for rank, position in enumerate(spread.order[:PIECES]):
        share = spread.loss[position] / spread.total
        if share < 0.002:
            break
        row = int(result.test.rows[position])
        tip = f"row {row}: {percent(float(share))} of the loss"
        style = f"width:{100 * share:.2f}%"
        pieces.append(
            tag("span", row if share > 0.06 else None, class_=f"piece p{rank % 2}", style=style, title=tip)
        )
    others = len(spread.order) - len(pieces)
    rest = 1.0 - spread.share(len(pieces))
    if others:
        words = f"the other {plural(others, 'row')}"
        label = words if rest > 0.25 else None
        pieces.append(tag("span", label, class_="piece rest", style=f"width:{100 * rest:.2f}%", title=words))
    named = len(pieces) - (1 if others else 0)
    about = f"{named} worst rows and their shares of the loss; all others {percent(rest)}"
    caption = f"The whole test loss as one strip; each piece is a row, numbered as in the data. {about}."
    return tag(
        "div",
        tag("div", *pieces, class_="strip", role="img", aria_label=about),
        tag("p", caption, class_="hint"),
    )


def _table(spread: Concentration, result: Result) -> Markup:
    columns = _columns(result)
    place = {position: k for k, position in enumerate(result.preview_index)}
    lines = [_line(int(p), spread, result, columns, place.get(int(p))) for p in spread.order[:LISTED]]
    heads = ["Row", "Truth", "Prediction"]
    heads += ["Error"] if result.task == "regression" else ["Given to truth"]
    heads += ["Loss", "Share of loss", *columns]
    head = tag("tr", *[tag("th", name, scope="col") for name in heads])
    shown = min(LISTED, len(spread.order))
    words = f"The {plural(shown, 'test row')} with the largest loss, and the cells they came with"
    caption = tag("caption", tag("span", words))
    table = tag("table", caption, tag("thead", head), tag("tbody", *lines), class_="numbers sortable rows")
    return tag("div", table, class_="scroll", role="region", aria_label="Worst rows", tabindex=0)


def _columns(result: Result) -> list[str]:
    """Return the previewed columns, the most important by permutation first."""
    place = {name: k for k, (name, _) in enumerate(ranked(result.permutation))}
    return sorted(result.test_rows_preview, key=lambda name: place.get(name, len(place)))


def _line(
    position: int, spread: Concentration, result: Result, columns: list[str], preview: int | None
) -> Markup:
    truth, prediction = result.test.truth[position], result.test.prediction[position]
    if result.task == "regression":
        told = [plain(float(truth)), plain(float(prediction)), plain(float(prediction - truth))]
    else:
        guess = int(prediction.argmax())
        given = float(chosen(result.test.truth, result.test.prediction)[position])
        told = [
            result.labels[int(truth)],
            f"{result.labels[guess]} ({percent(float(prediction[guess]))})",
            percent(given),
        ]
    share = spread.loss[position] / spread.total
    numbers = [
        str(int(result.test.rows[position])),
        *told,
        plain(float(spread.loss[position])),
        percent(float(share)),
    ]
    cells = [tag("td", value) for value in numbers]
    for name in columns:
        values = result.test_rows_preview[name]
        value = values[preview] if preview is not None and preview < len(values) else ""
        cells.append(tag("td", _short(value), title=value if len(value) > 12 else None, class_="cell"))
    return tag("tr", *cells)


def _short(cell: str) -> str:
    """Return a cell for a narrow column: a long decimal rounded, other long text cut."""
    if len(cell) <= 8:
        return cell
    try:
        return plain(float(cell), 6)
    except ValueError:
        return f"{cell[:24]}…" if len(cell) > 25 else cell
