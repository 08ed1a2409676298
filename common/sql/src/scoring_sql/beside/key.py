"""Keys: the last row that is written, as text that a checkpoint keeps."""

import datetime
import json
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from scoring import Problem


def encode(values: Sequence[Any]) -> str:
    """Write the values of a key, one a column."""
    return json.dumps([_tagged(value) for value in values], ensure_ascii=False)


def decode(text: str) -> list[Any]:
    """Read what `encode` wrote."""
    return [_MAKERS[kind](value) for kind, value in json.loads(text)]


def plain(value: Any) -> str:
    """Write a value of a key as SQL databases read it in a literal."""
    kind, text = _tagged(value)
    return f"\\x{text}" if kind == "bytes" else str(text)


def check(columns: Sequence[Any], names: Sequence[str], before: Sequence[Any] | None) -> list[Any] | None:
    """Return the last key of a chunk; `before` is the last one of the chunk in front of it.

    Raises Problem if a key is NULL or stands twice: then no chunk could say where the next one begins.
    """
    called = ", ".join(map(repr, names))
    for name, column in zip(names, columns, strict=True):
        if column.null_count:
            detail = f"The key {name!r} is NULL in {column.null_count} of the rows."
            raise Problem(
                "invalid_key", 422, detail, "Leave such rows out of the query, or take another key."
            )
    if not columns or not len(columns[0]):
        return None
    stored = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in columns]
    same: Any = None
    for column in stored:
        equal = pc.equal(column[1:], column[:-1])
        same = equal if same is None else pc.and_(same, equal)
    first = [column[0].as_py() for column in columns]
    if pc.any(same).as_py() or (before is not None and list(before) == first):
        hint = "Name more columns, such as --id plant,cycle, or make the query give each row once."
        raise Problem("invalid_key", 422, f"The key {called} is not unique.", hint)
    return [column[-1].as_py() for column in columns]


def _tagged(value: Any) -> tuple[str, Any]:
    if isinstance(value, bool) or value is None:
        raise Problem("invalid_key", 422, "A truth value cannot be a key.", "Take another column.")
    if isinstance(value, int | str):
        return type(value).__name__, value
    if isinstance(value, float):
        return "float", repr(value)
    if isinstance(value, bytes):
        return "bytes", value.hex()
    if isinstance(value, datetime.datetime):
        return "datetime", value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return type(value).__name__, value.isoformat()
    if isinstance(value, Decimal | uuid.UUID):
        return type(value).__name__, str(value)
    detail = f"A {type(value).__name__} cannot be a key."
    raise Problem("invalid_key", 422, detail, "Take a column of numbers, text, times or UUIDs.")


_MAKERS: dict[str, Any] = {
    "int": int,
    "str": str,
    "float": float,
    "bytes": bytes.fromhex,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "Decimal": Decimal,
    "UUID": uuid.UUID,
}
