"""Sample rows that travel with an artifact: texts of cells, and exactly what they score."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scoring.cell import number_text
from scoring.instant import instant_text
from scoring.schema import BOOL, INT32, INT64, STR, TIME64, Field, Schema
from scoring.table import as_cells, open_table, plain_cells

if TYPE_CHECKING:
    from scoring.scorer import Scorer

MOST = 20
"""Rows that an artifact carries at most."""

_GOLDEN = 0.6180339887498949  # its multiples modulo 1 spread evenly
_MISSING_EVERY = 7


def synthesise(schema: Schema, missing: bool) -> list[list[str]]:
    """Make up rows that spread over known ranges and categories; with `missing`, some cells are missing."""
    rows = []
    for row in range(MOST):
        cells = []
        for position, field in enumerate(schema):
            gone = missing and field.missing and (row + 3 * position) % _MISSING_EVERY == _MISSING_EVERY - 1
            cells.append(field.missing[0] if gone else _cell(field, row, position))
        rows.append(cells)
    return rows


def from_rows(schema: Schema, X: Any) -> list[list[str]]:
    """Write the first rows of a table or array as cells; rows with what no cell can say are left out."""
    table = open_table(X)
    if table is not None:
        columns = [plain_cells(_texts_of_times(table.column(name)[:MOST])) for name in schema.names]
        lines = list(zip(*columns, strict=True))
    else:
        lines = [tuple(plain_cells(as_cells(list(line)))) for line in X[:MOST]]
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":  # holds what the engine takes
        lines = [tuple(map(_decoded, schema, line)) for line in lines]
    written = [[cell_text(field, cell) for field, cell in zip(schema, line, strict=True)] for line in lines]
    return [[cell for cell in line if cell is not None] for line in written if None not in line]


def cell_text(field: Field, cell: Any) -> str | None:
    """Write a value as the cell that reads back as it; None when no cell does.

    Without a missing token no cell is missing; Time64 cells lie in the years 1 to 9999.
    """
    if cell is None or cell != cell:
        return field.missing[0] if field.missing else None
    if field.type == TIME64 and not isinstance(cell, str):
        return instant_text(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        whole = field.type in (INT32, INT64) and cell.is_integer()
        return str(int(cell)) if whole else number_text(cell)
    return str(cell)


def expectations(scorer: "Scorer", rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Score the rows and give samples.json; rows whose scores are not finite are left out."""
    if not rows:
        return {"rows": [], "raw": [], "output": []}
    X = scorer.matrix(list(rows))
    raw = scorer.engine.predict(X, True).reshape(len(rows), -1)
    output = scorer.engine.predict(X, False).reshape(len(rows), -1)
    kept: NDArray[np.bool_] = np.asarray(np.isfinite(np.column_stack((raw, output))).all(axis=1))
    return {
        "rows": [list(row) for row, keep in zip(rows, kept.tolist(), strict=True) if keep],
        "raw": raw[kept].tolist(),
        "output": output[kept].tolist(),
    }


def example(field: Field) -> str:
    """Choose a cell that a client might write: a category, or a number in the middle of the range."""
    return _cell(field, 0, 0)


def _cell(field: Field, row: int, position: int) -> str:
    if field.categories is not None:
        count = len(field.categories)
        return field.categories[(row + position) % count] if count else ""
    share = 0.5 if row == position == 0 else ((row + 1) * _GOLDEN + position * 0.37) % 1.0
    if field.type == BOOL:
        return "true" if share >= 0.5 else "false"
    if field.type == TIME64:
        return f"2018-01-{1 + int(share * 28):02d}"
    low = 0.0 if field.minimum is None else field.minimum
    high = low + 1.0 if field.maximum is None else field.maximum
    value = low + (high - low) * share
    if field.type in (INT32, INT64):
        return str(round(value))
    short = float(f"{value:.4g}")
    return number_text(short if low <= short <= high else value)


def _decoded(field: Field, value: Any) -> Any:
    """Turn a double that the engine takes into the cell that it stands for."""
    if value != value or field.categories is None:
        return value
    known = value == int(value) and 0 <= value < len(field.categories)
    return field.categories[int(value)] if known else None


def _texts_of_times(column: Any) -> Any:
    if column.dtype.kind != "M":
        return column
    texts = np.datetime_as_string(column, timezone="naive").tolist()
    return np.array([None if text == "NaT" else text for text in texts], object)


def as_raw(field: Field, text: str) -> Any:
    """Turn a cell back into what a data frame holds: text, or a float; None for missing."""
    from scoring.reader import reader

    if field.type != STR:
        value = reader(Field(field.name, field.type, field.missing)).cell(text)
        return None if value != value else value
    return None if text in field.missing else text
