"""Example requests: plausible, valid and ready to be sent as they are."""

from collections.abc import Sequence
from typing import Any, Final

from scoring.cell import CellError
from scoring.reader import reader
from scoring.schema import BOOL, FLOAT32, FLOAT64, INT32, INT64, STR, TIME64, Field, Schema

_PLAIN: Final = {
    BOOL: "true",
    FLOAT32: "0",
    FLOAT64: "0",
    INT32: "0",
    INT64: "0",
    STR: "text",
    TIME64: "2018-01-01",
}
"""Cells for fields of which nothing is known, by type."""


def example_cell(field: Field) -> str:
    """Return a cell that the field reads: its example, else a category, else a plain value of its type."""
    if field.example not in field.missing:
        try:
            reader(field).cell(field.example)
        except CellError:
            pass
        else:
            return field.example
    return field.categories[0] if field.categories else _PLAIN[field.type]


def example_row(schema: Schema, rows: Sequence[Sequence[str]] = ()) -> list[str]:
    """Return cells for the inputs of a schema: the row with the fewest missing values, or the examples.

    `rows` are rows of cells in schema order, such as an artifact's samples.
    """
    if not rows:
        return [example_cell(field) for field in schema.inputs]
    gaps = [
        sum(cell.strip() in field.missing for field, cell in zip(schema.inputs, row, strict=True))
        for row in rows
    ]
    return list(rows[gaps.index(min(gaps))])


def example_request(
    schema: Schema, rows: Sequence[Sequence[str]] = (), kind: str | None = None
) -> dict[str, Any]:
    """Return a score request of one row, or a request for contributions of a kind, as plain data."""
    request: dict[str, Any] = {"fields": list(schema.names), "rows": [example_row(schema, rows)]}
    if kind is not None:
        request["requestShapleyValueType"] = kind
    return request
