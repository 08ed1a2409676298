"""Cells of Arrow columns -> the doubles that the engine takes, by the rules of `scoring.reader`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scoring.cell import CellError
from scoring.reader import Reader, reader
from scoring.schema import BOOL, STR, TIME64, Field, Schema

_EXACT: Final = 1 << 53  # every integer up to here is a double
_UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True)
class Unread:
    """The first cell of a column that cannot be read; its value is never kept."""

    field: str
    row: int
    """Position of the row, from 0."""
    detail: str
    hint: str


class Columns:
    """Reads the inputs of a schema from Arrow columns of any type."""

    def __init__(self, schema: Schema) -> None:
        self.names = list(schema.names)
        self._readers = [FieldColumn(field) for field in schema]

    def batch(self, columns: Sequence[Any]) -> tuple[Any, list[Unread]]:
        """Give a record batch of doubles for columns in schema order, and what could not be read."""
        doubles, unread = [], []
        for one, column in zip(self._readers, columns, strict=True):
            values, fault = one.read(column)
            doubles.append(values)
            if fault is not None:
                unread.append(fault)
        return pa.RecordBatch.from_arrays(doubles, self.names), unread


class FieldColumn:
    """Reads columns of one field."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.reader: Reader = reader(field)
        self.plain = field.categories is None and field.type not in (BOOL, STR, TIME64)
        """Whether a number of the column stands for itself."""
        self.sentinels = [value for token in field.missing if not math.isnan(value := _number(token))]
        """Numbers that mean a missing value."""

    def read(self, column: Any) -> tuple[Any, Unread | None]:
        """Give the doubles, null for missing, and the first cell that cannot be read (NaN there)."""
        column = _single(column)
        kind = column.type
        if pa.types.is_null(kind):
            return pa.nulls(len(column), pa.float64()), None
        if self.field.type == TIME64 and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            return _seconds(column), None
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
        if self.plain and number:
            return self._without_sentinels(column.cast(pa.float64(), safe=False)), None
        if self.field.type == BOOL and self.field.categories is None and pa.types.is_boolean(kind):
            return column.cast(pa.uint8()).cast(pa.float64()), None
        return self._distinct(column)

    def text(self, column: Any) -> tuple[Any, Unread | None]:
        """Read a column of text, as `read` does."""
        return self._distinct(column)

    def _without_sentinels(self, numbers: Any) -> Any:
        for sentinel in self.sentinels:
            equal = pc.equal(numbers, pa.scalar(sentinel))
            numbers = pc.if_else(equal, pa.scalar(None, pa.float64()), numbers)
        return numbers

    def _distinct(self, column: Any) -> tuple[Any, Unread | None]:
        """Read each distinct value once."""
        kind = column.type
        if pa.types.is_decimal(kind):
            column = column.cast(pa.float64(), safe=False)
        elif pa.types.is_binary(kind) or pa.types.is_temporal(kind) or pa.types.is_string_view(kind):
            column = column.cast(pa.string())
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        values, errors = self.reader.column([*_cells(column.dictionary), None])
        places = np.asarray(
            pc.fill_null(column.indices, len(column.dictionary)).to_numpy(zero_copy_only=False)
        )
        doubles: NDArray[np.float64] = np.frombuffer(values)[places]
        return pa.array(doubles), self._first(places, errors)

    def _first(self, places: NDArray[Any], errors: list[tuple[int, CellError]]) -> Unread | None:
        found = [
            (int(rows[0]), error) for place, error in errors if len(rows := np.flatnonzero(places == place))
        ]
        if not found:
            return None
        row, error = min(found, key=lambda one: one[0])
        detail = f"{self.reader.expected} is wanted, but the cell holds {error.found}"
        return Unread(self.field.name, row, detail, self.reader.advice)


def _single(column: Any) -> Any:
    """Give a column as one array, and what a type of another library's making stores as that."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _cells(dictionary: Any) -> list[Any]:
    return [str(value) if isinstance(value, bytes) else value for value in dictionary.to_pylist()]


def _seconds(times: Any) -> Any:
    """Give dates and times as seconds since 1970-01-01 UTC; a time without a zone is UTC."""
    if pa.types.is_date(times.type):
        times = times.cast(pa.timestamp("s"))
    scale = _UNITS[times.type.unit]
    whole = times.cast(pa.int64())
    if (pc.max(pc.abs(whole)).as_py() or 0) > _EXACT:  # Python's quotients are rounded once at any size
        return pa.array(
            [None if count is None else count / scale for count in whole.to_pylist()], pa.float64()
        )
    return pc.divide(whole.cast(pa.float64()), pa.scalar(float(scale)))


def _number(token: str) -> float:
    try:
        return float(token)
    except ValueError:
        return math.nan
