"""Columns of a table as cells: as a client would send them, and as the engine reads them."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scoring.cell import Cell, number_text
from scoring.reader import reader
from scoring.schema import Field

from experiment.result import Floats


def cells(series: pl.Series) -> list[Cell]:
    """Return a column as JSON could carry it; times are seconds since 1970."""
    if series.dtype == pl.Datetime:
        return [None if us is None else us / 1e6 for us in series.dt.epoch("us").to_list()]
    return series.to_list()


def cell_texts(series: pl.Series) -> list[str]:
    """Return a column as a CSV file would carry it; a missing cell is an empty text."""
    if series.dtype == pl.Datetime:
        return [
            "" if value is None else value.replace(tzinfo=None).isoformat() + "Z"
            for value in series.to_list()
        ]
    return [_text(cell) for cell in cells(series)]


def encode(series: pl.Series, field: Field) -> tuple[Floats, int]:
    """Return a column as the engine's doubles (n,), and how many cells could not be read (NaN there)."""
    reading = reader(field)
    column = cells(series)
    read, mismatches = reading.column(column)
    values = np.asarray(read)
    if not mismatches:
        return values, 0
    unreadable = 0
    for row in range(mismatches[0][0], len(column)):
        try:
            values[row] = reading.cell(column[row])
        except ValueError:
            values[row] = np.nan
            unreadable += 1
    return values, unreadable


def encode_all(frame: pl.DataFrame, fields: Sequence[Field]) -> tuple[Floats, dict[str, int]]:
    """Return the matrix (n, fields) that the engine reads, and the number of unreadable cells by field."""
    matrix = np.empty((frame.height, len(fields)))
    unreadable: dict[str, int] = {}
    for position, field in enumerate(fields):
        matrix[:, position], faults = encode(frame[field.name], field)
        if faults:
            unreadable[field.name] = faults
    return matrix, unreadable


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return number_text(cell)
    return str(cell)
