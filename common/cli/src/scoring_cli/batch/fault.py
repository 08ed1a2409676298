"""What is wrong with rows of a file: faults with their place, and the problem that a run stops with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring import Problem

LISTED: Final = 10
"""Faults that a message lists; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell or row that cannot be scored. Texts say what kind of value was found, never the value."""

    place: int
    """Line of the file on which the record begins, counted from 1; for Parquet the row, counted from 1."""
    field: str
    """Name of the input; empty when the whole row is at fault."""
    code: str
    detail: str
    hint: str = ""

    def to_dict(self, unit: str) -> dict[str, Any]:
        """Return the entry of a problem's `errors`; `unit` is what the place counts: line or row."""
        entry = {"code": self.code, "field": self.field, unit: self.place, "detail": self.detail}
        return {**entry, "hint": self.hint}


def refused(name: str, unit: str, faults: Sequence[Fault]) -> Problem:
    """Return the problem of a run that stops at its first faults; `unit` is what a place counts."""
    first = faults[0]
    where = f"{unit} {first.place}" + (f", field {first.field!r}" if first.field else "")
    hint = "Or leave such rows out with --errors skip, or keep them without scores with --errors null."
    return Problem(
        "invalid_rows",
        422,
        f"{name} has rows that cannot be scored; the first is at {where}: {first.detail}",
        f"{first.hint} {hint}".strip(),
        [fault.to_dict(unit) for fault in faults[:LISTED]],
    )


def bad_file(name: str, what: str, hint: str = "", code: str = "invalid_file") -> Problem:
    """Return the problem of a file that cannot be read as a table at all."""
    return Problem(code, 400, f"{name} {what}", hint)
