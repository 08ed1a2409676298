"""Intake: from what a caller holds (arrays, lists, tables) to the matrix of doubles that the engine takes."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.cell import CellError
from scoring.fault import Fault, Faults
from scoring.problem import Problem
from scoring.reader import Reader, reader
from scoring.schema import BOOL, STR, TIME64, UNSEEN, Field, Schema, did_you_mean, listed, number
from scoring.table import Table, open_table, plain_cells, seconds_since_1970, unreadable

Matrix = NDArray[np.float64]


class Intake:
    """Reads rows by one schema.

    Arrays of numbers (float, int, bool) are what the engine takes: columns in schema order, the code of a
    category, seconds for a time, NaN for missing. Everything else holds cells, which mean what they mean in
    a request: texts, numbers, booleans and None. Tables are read by column name; further columns are
    ignored.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.coded = any(field.categories is not None or field.type == TIME64 for field in schema)

    @cached_property
    def plain(self) -> bool:
        """Whether columns of numbers are what the engine takes: no codes, and no number means missing."""
        tokens = {token for field in self.schema for token in field.missing}
        return not self.coded and not any(map(_is_number, tokens))

    def arrow(self, X: Any) -> Any:
        """Give X as an Arrow table that the engine reads where it is, or None."""
        table = open_table(X) if self.plain and hasattr(X, "__arrow_c_stream__") else None
        if table is None or not set(self.schema.names) <= set(table.names):
            return None
        return table.numbers(self.schema.names)

    @cached_property
    def readers(self) -> tuple[Reader, ...]:
        """The readers of the inputs in order."""
        return tuple(reader(field) for field in self.schema)

    def matrix(self, X: Any) -> Matrix:
        """Give X as float64 of shape (n, inputs); raises Problem that lists what cannot be read."""
        table = open_table(X)
        if table is not None:
            return self._from_table(table)
        if isinstance(X, list | tuple):
            return self._from_list(X)
        if isinstance(X, np.ma.MaskedArray):
            X = np.ma.filled(X.astype(object if X.dtype.kind == "O" else np.float64), np.nan)
        array = np.asarray(X)
        if array.ndim == 0:
            raise unreadable(f"X is a {type(X).__name__}")
        rows = array.reshape(1, -1) if array.ndim == 1 else array
        if rows.ndim != 2:
            raise unreadable(f"X has {rows.ndim} dimensions")
        if rows.shape[1] != len(self.schema):
            raise self._width(rows.shape[1])
        if rows.dtype.kind in "fiub":
            return rows.astype(np.float64)
        return self._from_columns([rows[:, position] for position in range(len(self.schema))])

    def _width(self, found: int, row: int | None = None) -> Problem:
        where = "The rows have" if row is None else f"Row {row} has"
        return Problem(
            "row_length",
            422,
            f"{where} {found} cells, the schema has {len(self.schema)} inputs.",
            f"Give the inputs in this order: {listed(self.schema.names, 40)}.",
        )

    def _from_list(self, X: Sequence[Any]) -> Matrix:
        if len(X) and isinstance(X[0], Mapping):
            names = {name: None for row in X for name in row}
            return self._from_table(
                Table({name: [row.get(name) for row in X] for name in names}, list(names))
            )
        nested = not len(X) or isinstance(X[0], list | tuple | np.ndarray)
        rows = X if nested else [X]
        for position, row in enumerate(rows):
            if not isinstance(row, list | tuple | np.ndarray):
                raise unreadable(f"row {position} of X is a {type(row).__name__}")
            if len(row) != len(self.schema):
                raise self._width(len(row), position)
        columns = [np.empty(len(rows), object) for _ in self.schema]
        for position, column in enumerate(columns):
            column[:] = [row[position] for row in rows]
        return self._from_columns(columns)

    def _from_table(self, table: Table) -> Matrix:
        absent = [name for name in self.schema.names if name not in table.names]
        if absent:
            faults = Faults()
            for name in absent:
                faults.add(
                    "missing_field", f"There is no column {name!r}.", name, did_you_mean(name, table.names)
                )
            problem = faults.problem()
            hint = problem.hint or f"Name the columns as the inputs are: {listed(self.schema.names)}."
            raise Problem("missing_field", 422, problem.detail, hint, problem.errors)
        pairs = [table.distinct(name) or (table.column(name), None) for name in self.schema.names]
        return self._from_columns([cells for cells, _ in pairs], [places for _, places in pairs])

    def _from_columns(
        self, columns: Sequence[NDArray[Any]], places: Sequence[NDArray[np.intp] | None] = ()
    ) -> Matrix:
        """Read columns; where a column has places, it holds distinct cells and the places pick them."""
        places = places or [None] * len(columns)
        lengths = {
            len(column if place is None else place) for column, place in zip(columns, places, strict=True)
        }
        if len(lengths) > 1:
            raise unreadable("the columns of X have different lengths")
        matrix = np.empty((lengths.pop() if lengths else 0, len(columns)), np.float64, order="F")
        faults = Faults()
        for position, (column, cells) in enumerate(zip(columns, self.readers, strict=True)):
            values, errors = _doubles(column, cells)
            place = places[position]
            if place is not None:
                values = np.append(values, np.nan)[place]  # place -1, a missing cell, picks the last
                errors = [(int(np.argmax(place == row)), error) for row, error in errors]
            matrix[:, position] = values
            for row, error in errors:
                name = cells.field.name
                detail = f"Row {row}, field {name!r}: expected {cells.expected}, found {error.found}."
                faults.add_at(row, position, Fault(error.code, detail, name, row, cells.advice))
        if faults:
            raise faults.problem()
        return matrix


def _doubles(column: NDArray[Any], cells: Reader) -> tuple[NDArray[Any], list[tuple[int, CellError]]]:
    field = cells.field
    kind = column.dtype.kind
    if kind == "M":
        if field.type == TIME64:
            return seconds_since_1970(column), []
        texts = np.datetime_as_string(column).tolist()
        values, errors = cells.column([None if text == "NaT" else text for text in texts])
        return np.asarray(values), errors
    if kind in "fiub" and field.type != STR:
        return _numbers(column.astype(np.float64), field), []
    values, errors = cells.column(plain_cells(column))
    return np.asarray(values), errors


def _numbers(column: Matrix, field: Field) -> Matrix:
    if field.categories is not None:
        known, places = np.unique(column, return_inverse=True)
        codes = [np.nan if value != value else field.codes_by_number.get(value, UNSEEN) for value in known]
        return np.asarray(codes, np.float64)[places.reshape(column.shape)]
    if field.type in (BOOL, TIME64):
        return column
    sentinels = {number(token) for token in field.missing}
    for sentinel in sentinels - {None}:
        column = np.where(column == sentinel, np.nan, column)
    return column


def _is_number(token: str) -> bool:
    value = number(token)
    return value is not None and not math.isnan(value)
