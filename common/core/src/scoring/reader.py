"""Readers: the cells of one field -> the doubles that the engine takes, one cell or a whole column at a time.

The rules are those of `scoring.cell`. A column gives exactly what its cells give one by one; it is only
faster, since the engine reads the plain cells of it and leaves the others.
"""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeAlias

from scoring._engine import Cells
from scoring.cell import TRUTH, CellError, kind, out_of_range, text
from scoring.fault import COUNTED
from scoring.instant import seconds
from scoring.schema import BOOL, STR, TIME64, UNSEEN, Field

Column: TypeAlias = "tuple[array[float], list[tuple[int, CellError]]]"
"""Doubles of shape (n,), and (row, error) of the cells that could not be read, which are NaN."""

NAN: Final = float("nan")
_YES: Final = ("true", "t", "yes", "1", "1.0")
_NO: Final = ("false", "f", "no", "0", "0.0")
_ENDLESS: Final = ("inf", "infinity")


class Reader(ABC):
    """Reads the cells of one field. Immutable once made, so any number of threads may share one."""

    expected = ""
    """What the field wants, for the detail of a fault."""
    advice = ""
    """How to write it, for the hint of a fault."""
    reads_floats = False
    """Whether a finite number that float() reads from plain text means just that number."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._missing = frozenset(token.strip() for token in field.missing)

    @abstractmethod
    def cell(self, value: object) -> float:
        """Return the double of one cell, NaN for a missing value; raise CellError if it cannot be read."""

    @cached_property
    def plain(self) -> Cells:
        """The engine's reader of plain cells."""
        return self._plain(None)

    @abstractmethod
    def _plain(self, codes: Mapping[float, float] | None) -> Cells:
        """Return the engine's reader; `codes` are the numbers of the field's categories, if it has any."""

    def column(self, cells: Sequence[object], most: int = COUNTED) -> Column:
        """Return the doubles of a column and its errors; reading stops after `most` errors."""
        listed = cells if type(cells) is list else list(cells)
        values = array("d", bytes(8 * len(listed)))
        errors: list[tuple[int, CellError]] = []
        for row in self.plain.read(listed, values):
            try:
                values[row] = self.cell(listed[row])
            except CellError as error:
                errors.append((row, error))
                if len(errors) == most:
                    break
        return values, errors


class NumberReader(Reader):
    """Reads Float32, Float64, Int32 and Int64."""

    expected = "a number"
    advice = 'Send a decimal number such as "5.1", true or false, or null for a missing value.'

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        numbers = {_decimal(token) for token in self._missing}
        self._sentinels = frozenset(number for number in numbers if number is not None and number == number)
        self.reads_floats = not self._sentinels

    def cell(self, value: object) -> float:
        """Return the number; see `Reader.cell`."""
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                return self._word(value)
            if number - number == 0.0 and not self._sentinels and "_" not in value and value.isascii():
                return number
            return self._careful(value, number)
        if value is None:
            return NAN
        if isinstance(value, int | float):
            try:
                number = float(value)
            except OverflowError:
                raise out_of_range() from None
            return NAN if number in self._sentinels and not isinstance(value, bool) else number
        raise CellError("not_a_cell", kind(value))

    def _plain(self, codes: Mapping[float, float] | None) -> Cells:
        return Cells("number", _texts(self._missing), tuple(self._sentinels), codes, {})

    def _word(self, value: str) -> float:
        word = value.strip()
        if word in self._missing:
            return NAN
        truth = TRUTH.get(word.lower())
        if truth is None:
            if word != value:
                return self.cell(word)  # float() takes fewer characters for blanks than strip()
            raise CellError("not_a_number", kind(value))
        return truth

    def _careful(self, value: str, number: float) -> float:
        word = value.strip()
        if word in self._missing or number in self._sentinels:
            return NAN
        if number != number or "_" in word or not word.isascii():
            raise CellError("not_a_number", kind(value))
        if number - number != 0.0 and word.lstrip("+-").lower() not in _ENDLESS:
            raise out_of_range()
        return number


class BooleanReader(Reader):
    """Reads Bool."""

    expected = "true or false"
    advice = "Send true or false, 1 or 0, or null for a missing value."

    def cell(self, value: object) -> float:
        """Return 1 or 0; see `Reader.cell`."""
        if isinstance(value, str):
            word = value.strip()
            if word in self._missing:
                return NAN
            word = word.lower()
            if word in _YES:
                return 1.0
            if word in _NO:
                return 0.0
            raise CellError("not_a_boolean", kind(value))
        if value is None or (isinstance(value, float) and value != value):
            return NAN
        if isinstance(value, int | float):
            if value in (0, 1):
                return float(value)
            raise CellError("not_a_boolean", kind(value))
        raise CellError("not_a_cell", kind(value))

    def _plain(self, codes: Mapping[float, float] | None) -> Cells:
        return Cells("boolean", _texts(self._missing), (), codes, {})


class CodedReader(Reader):
    """Reads a number or a boolean that has categories: the position of its value among them."""

    def __init__(self, uncoded: Reader) -> None:
        super().__init__(uncoded.field)
        self.expected, self.advice = uncoded.expected, uncoded.advice
        self._uncoded = uncoded
        self._codes = {number: float(code) for number, code in uncoded.field.codes_by_number.items()}

    def cell(self, value: object) -> float:
        """Return the code; see `Reader.cell`."""
        number = self._uncoded.cell(value)
        return number if number != number else self._codes.get(number, UNSEEN)

    def _plain(self, codes: Mapping[float, float] | None) -> Cells:
        return self._uncoded._plain(codes or self._codes)


class TextReader(Reader):
    """Reads Str: the position of the text among the categories, -1 for an unseen one."""

    expected = "text"
    advice = "Send a string, or null for a missing value."

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._table: dict[str | None, float] = {
            category: float(code) for category, code in field.codes.items()
        }
        for category, code in field.codes.items():  # blanks around a category need not be sent
            self._table.setdefault(category.strip(), float(code))
        self._table.update(dict.fromkeys((None, *field.missing, *self._missing), NAN))

    def cell(self, value: object) -> float:
        """Return the code; see `Reader.cell`."""
        if isinstance(value, str):
            found = self._table.get(value)
            return self._table.get(value.strip(), UNSEEN) if found is None else found
        if value is None or (isinstance(value, float) and value != value):
            return NAN
        return self._table.get(text(value), UNSEEN)

    def _plain(self, codes: Mapping[float, float] | None) -> Cells:
        words = _texts(word for word in self._table if word is not None)
        return Cells("text", (), (), codes, {word: self._table[word] for word in words})


class TimeReader(Reader):
    """Reads Time64: seconds since 1970-01-01 UTC."""

    expected = "an ISO 8601 date or date-time"
    advice = 'Send "2018-01-31", "2018-01-31T23:59:59Z", or null for a missing value.'

    def cell(self, value: object) -> float:
        """Return the seconds; see `Reader.cell`."""
        if isinstance(value, str):
            word = value.strip()
            if word in self._missing:
                return NAN
            instant = seconds(word)
            if instant is None:
                raise CellError("not_a_time", kind(value))
            return instant
        if value is None:
            return NAN
        if isinstance(value, bool):
            raise CellError("not_a_time", kind(value))
        if isinstance(value, int | float):
            try:
                instant = float(value)
            except OverflowError:
                raise out_of_range() from None
            if instant in (float("inf"), -float("inf")):
                raise CellError("not_a_time", kind(value))
            return instant
        raise CellError("not_a_cell", kind(value))

    def _plain(self, codes: Mapping[float, float] | None) -> Cells:
        return Cells("time", _texts(self._missing), (), codes, {})


def reader(field: Field) -> Reader:
    """Return the reader of a field."""
    if field.type == STR:
        return TextReader(field)
    if field.type == TIME64:
        return TimeReader(field)
    uncoded = BooleanReader(field) if field.type == BOOL else NumberReader(field)
    return uncoded if field.categories is None else CodedReader(uncoded)


def _texts(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words that UTF-8 can say; half of a surrogate pair is never a plain cell."""
    return tuple(word for word in words if not any("\ud800" <= letter <= "\udfff" for letter in word))


def _decimal(token: str) -> float | None:
    try:
        return float(token)
    except ValueError:
        return None


def is_plain(cells: Sequence[object]) -> bool:
    """Tell whether no text among the cells has what float() takes and a number here may not have."""
    try:
        joined = "".join(cells)  # type: ignore[arg-type]
    except TypeError:
        joined = "".join([cell for cell in cells if isinstance(cell, str)])
    return joined.isascii() and "_" not in joined
