"""Rows of Python values -> pyarrow tables: for databases whose drivers know no Arrow."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from scoring import Problem

from scoring_sql.beside.source import Wanted

_DIGITS = 38

Fetch = Callable[[Sequence[Any] | None, int], Sequence[Sequence[Any]]]
"""Gives at most so many rows behind a key, in the order of the key."""


def chunks(
    fetch: Fetch, wanted: Wanted, after: Sequence[Any] | None, chunk_rows: int, most: int | None
) -> Iterator[Any]:
    """Fetch chunk after chunk, each behind the last key of the one before: no transaction stays open."""
    given = 0
    while True:
        size = chunk_rows if most is None else min(chunk_rows, most - given)
        rows = fetch(after, size) if size else []
        if rows or not given:
            yield table(rows, wanted)
        given += len(rows)
        if len(rows) < chunk_rows:
            return
        after = list(rows[-1][: len(wanted.keys)])
        if None in after:
            raise Problem(
                "invalid_key", 422, "The key is NULL in some rows.", "Leave such rows out of the query."
            )


def condition(names: Sequence[str], values: Sequence[str]) -> str:
    """Write that a key lies behind another one, such as `a >= 1 AND (a > 1 OR (a = 1 AND b > 2))`."""
    later = f"{names[-1]} > {values[-1]}"
    for name, value in zip(reversed(names[:-1]), reversed(values[:-1]), strict=True):
        later = f"{name} >= {value} AND ({name} > {value} OR ({name} = {value} AND {later}))"
    return later


def table(rows: Sequence[Sequence[Any]], wanted: Wanted) -> Any:
    """Give rows as a table, with the types that their values have."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(wanted.names)
    copied = len(wanted.keys) + len(wanted.include)
    arrays = [array(column, place >= copied) for place, column in enumerate(columns)]
    return pa.Table.from_arrays(arrays, list(wanted.names))


def array(values: Sequence[Any], is_input: bool = False) -> Any:
    """Give values of one column; of mixed ones, which SQLite allows, as texts."""
    if is_input and any(isinstance(value, Decimal) for value in values):
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    try:
        found = pa.array(values)
        # The digits of one chunk's numbers say nothing about those of the next one's.
        return (
            found.cast(pa.decimal128(_DIGITS, found.type.scale))
            if pa.types.is_decimal128(found.type)
            else found
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if all(value is None or isinstance(value, int | float) for value in values):
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
        return pa.array([None if value is None else str(value) for value in values], pa.string())
