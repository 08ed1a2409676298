"""Columns of cells -> the doubles that the engine takes, by the rules of `scoring.cell`.

Every way through this module gives exactly what `scoring.reader` gives cell by cell. Plain decimal numbers
and times take a fast one; of all other columns each distinct value is read once.
"""

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
from scoring.schema import BOOL, STR, TIME64, UNSEEN, Field

from scoring_cli.batch import arrays

_PLAIN_NUMBER: Final = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$"
# Years whose microseconds are exact as doubles.
_PLAIN_TIME: Final = (
    r"^(1[7-9]|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z?)?$"
)
_EXACT: Final = 1 << 53
"""The largest integer up to which every integer is a double."""


_NO_DOUBLE: Final = arrays.nothing(pa.float64())
_UNSEEN: Final = arrays.double(UNSEEN)
_NO_TEXT: Final = arrays.nothing(pa.string())


@dataclass(frozen=True)
class Faulty:
    """Cells of one column that could not be read."""

    rows: NDArray[np.int64]
    kinds: NDArray[np.int64]
    """For each of `rows` the position of its error in `errors`."""
    errors: list[CellError]


class Column:
    """Turns cells of one field into doubles: null and NaN for a missing value, -1 for an unseen category."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.reader: Reader = reader(field)
        self.plain = field.categories is None and field.type not in (BOOL, STR, TIME64)
        """Whether the cells are numbers that stand for themselves."""
        self.unseen = 0
        """Cells so far whose category the field does not know."""
        self._sentinels = [value for token in field.missing if not math.isnan(value := _decimal(token))]

    def read(self, cells: Any) -> tuple[Any, Faulty | None]:
        """Return the doubles as a pyarrow array, and the cells that could not be read (null or NaN there)."""
        if isinstance(cells, list):
            return self._counted(self._distinct_values(cells))
        kind = cells.type
        if pa.types.is_null(kind):
            return pa.nulls(len(cells), pa.float64()), None
        if self.field.type == TIME64 and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            return _seconds(cells), None
        if self.plain and (
            pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
        ):
            return self.without_sentinels(cells.cast(pa.float64(), safe=False)), None
        cells = _simplified(cells)
        return self._counted(self._text(cells) if pa.types.is_string(cells.type) else self._distinct(cells))

    def without_sentinels(self, numbers: Any) -> Any:
        """Return doubles with those that stand for a missing value (such as -999) replaced by null."""
        for sentinel in self._sentinels:
            numbers = pc.if_else(pc.equal(numbers, arrays.double(sentinel)), _NO_DOUBLE, numbers)
        return numbers

    def _counted(self, read: tuple[Any, Faulty | None]) -> tuple[Any, Faulty | None]:
        if self.field.categories is not None:
            self.unseen += pc.sum(pc.equal(read[0], _UNSEEN)).as_py() or 0
        return read

    def _text(self, cells: Any) -> tuple[Any, Faulty | None]:
        """Read text: what is plainly a number or a time by pyarrow, the rest value by value."""
        fast, values = None, None
        if self.plain:
            fast = pc.match_substring_regex(cells, _PLAIN_NUMBER)
            values = pc.cast(pc.if_else(fast, cells, _NO_TEXT), pa.float64())
            values = self.without_sentinels(values)
        elif self.field.type == TIME64:
            tokens = arrays.texts(self.field.missing)
            fast = pc.and_not(pc.match_substring_regex(cells, _PLAIN_TIME), pc.is_in(cells, tokens))
            try:
                values = _seconds(_instants(pc.if_else(fast, cells, _NO_TEXT)))
            except pa.ArrowInvalid:  # such as the 31st of April
                fast = None
        if fast is None or values is None:
            return self._distinct(cells)
        slow = pc.and_not_kleene(pc.is_valid(cells), fast)
        if not pc.any(slow).as_py():
            return values, None
        others, faulty = self._distinct(cells.filter(slow))
        values = pc.replace_with_mask(values, slow, others)
        if faulty is not None:
            rows = arrays.values(pc.indices_nonzero(slow), np.uint64).astype(np.int64)
            faulty = Faulty(rows[faulty.rows], faulty.kinds, faulty.errors)
        return values, faulty

    def _distinct(self, cells: Any) -> tuple[Any, Faulty | None]:
        """Read each distinct value once."""
        encoded = cells.dictionary_encode(null_encoding="encode")
        return self._place(encoded.dictionary.to_pylist(), arrays.values(encoded.indices, np.int32))

    def _distinct_values(self, cells: list[Any]) -> tuple[Any, Faulty | None]:
        """Read each distinct JSON value once; 1, 1.0 and true are three."""
        known: dict[tuple[type, Any], int] = {}
        values: list[Any] = []
        positions = np.empty(len(cells), np.int64)
        for row, cell in enumerate(cells):
            key = (type(cell), cell) if not isinstance(cell, list | dict) else (type(cell), None)
            position = known.setdefault(key, len(values))
            if position == len(values):
                values.append(cell)
            positions[row] = position
        return self._place(values, positions)

    def _place(
        self, values: Sequence[Any], positions: NDArray[np.signedinteger[Any]]
    ) -> tuple[Any, Faulty | None]:
        numbers = np.empty(len(values))
        errors: list[CellError] = []
        kinds = np.full(len(values), -1)
        for position, value in enumerate(values):
            try:
                numbers[position] = self.reader.cell(value)
            except CellError as error:
                numbers[position] = math.nan
                kinds[position] = len(errors)
                errors.append(error)
        doubles = arrays.doubles(numbers[positions])
        if not errors:
            return doubles, None
        rows = np.flatnonzero(kinds[positions] >= 0)
        return doubles, Faulty(rows, kinds[positions[rows]], errors)


def _decimal(token: str) -> float:
    try:
        return float(token)
    except ValueError:
        return math.nan


def _simplified(cells: Any) -> Any:
    """Return a column of text, numbers or booleans; of the many ways to store text one is left."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return _simplified(cells.dictionary_decode())
    if pa.types.is_decimal(kind):
        return cells.cast(pa.float64(), safe=False)
    known = _is_number(kind) or pa.types.is_boolean(kind) or pa.types.is_nested(kind)
    return cells if known else cells.cast(pa.string())


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _instants(text: Any) -> Any:
    """Return ISO times without a zone, or in UTC, as timestamps; raise ArrowInvalid on the 31st of April."""
    return pc.cast(pc.utf8_rtrim(text, "Z"), pa.timestamp("us"))


def _seconds(times: Any) -> Any:
    """Return timestamps or dates as seconds since 1970-01-01 UTC; a time without a zone is UTC.

    The result is the double nearest to the exact value, as that of `scoring.instant`.
    """
    if pa.types.is_date(times.type):
        times = times.cast(pa.timestamp("s"))
    scale = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[times.type.unit]
    whole = times.cast(pa.int64())
    largest = pc.max(pc.abs(whole)).as_py() or 0
    if largest > _EXACT:  # a quotient of Python's integers is rounded once, whatever their size
        exact = [math.nan if count is None else count / scale for count in whole.to_pylist()]
        return arrays.doubles(np.array(exact))
    return pc.divide(whole.cast(pa.float64()), arrays.double(scale))
