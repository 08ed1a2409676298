"""Cells: what a value on the wire may be, and the words for one that its field cannot read.

A cell is a JSON string, number, boolean or null; CSV gives strings. Blanks around a string do not count. A
string in the field's missing tokens, a null and a bare NaN are missing values. Then, by the field's type:

- Float32, Float64, Int32, Int64: a decimal number in Python's float grammar, ASCII and without underscores;
  `inf` or `Infinity` in any case, with a sign or not; `true` or `false` in any case (1 and 0). If a missing
  token is a number, such as `-999`, any spelling of that number is missing (`-999.0`). A number too large
  for a double is an error.
- Bool: `true t yes 1 1.0` and `false f no 0 0.0` in any case are 1 and 0.
- Any of these with categories: the position of the number among them, -1 if it is not there.
- Str: the position of the text among the categories, -1 if it is not there (unseen: no error). A JSON
  number or boolean is read as its text: 3 is "3", 3.0 is "3.0", true is "true".
- Time64: an ISO 8601 date or date-time (see `scoring.instant`); a JSON number is seconds since 1970-01-01
  UTC.

`scoring.reader` does the reading. Messages say what kind of value was found, never the value: they may
reach a log.
"""

from typing import Final, TypeAlias

Cell: TypeAlias = str | int | float | bool | None

TRUTH: Final = {"true": 1.0, "false": 0.0}
"""What numeric fields take besides numbers, in lower case."""


class CellError(ValueError):
    """A cell that its field cannot read: a code of `scoring.fault.FAULTS`, and what kind of value it is."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(f"{code}: {found}")
        self.code = code
        self.found = found


def kind(value: object) -> str:
    """Say what kind of JSON value this is, without the value."""
    if isinstance(value, str):
        return "text" if value.strip() else "blank text"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if value is None:
        return "null"
    return "an array" if isinstance(value, list | tuple) else "an object"


def text(value: object) -> str:
    """Return the text of a JSON string, or the text that a JSON number or boolean stands for.

    Raises:
        CellError: the value is an array, an object or null, or an integer of more than 4300 digits.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, int):
        try:
            return repr(value)
        except ValueError:
            raise out_of_range() from None
    raise CellError("not_a_cell", kind(value))


def number_text(value: float) -> str:
    """Return the shortest decimal that reads back as the same double, or NaN, Infinity, -Infinity."""
    if value - value == 0.0:
        return repr(float(value))
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def as_truth(value: object) -> str | None:
    """Return "1" or "0" for a cell that is true or false in any spelling, None for any other cell."""
    if isinstance(value, str):
        truth = TRUTH.get(value.strip().lower()) if len(value) >= 4 else None
        return None if truth is None else "1" if truth else "0"
    return None if not isinstance(value, bool) else "1" if value else "0"


def out_of_range() -> CellError:
    """Return the error for a number that no double can hold."""
    return CellError("number_out_of_range", "a number out of range")
