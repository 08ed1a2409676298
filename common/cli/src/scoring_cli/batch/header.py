"""The columns of a file against the inputs of a scorer and the columns asked for."""

from collections import Counter
from collections.abc import Sequence

from scoring import Problem
from scoring.spelling import nearest, quoted

ALL = "*"
"""The name in `include` that stands for every column of the file."""


def find_columns(name: str, columns: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return the position in the file of every wanted column, in the order wanted.

    Raises:
        Problem: some are not there, each named with the nearest name that is, or are there twice.
    """
    counts = Counter(columns)
    missing = [column for column in wanted if not counts[column]]
    if missing:
        raise _missing(name, columns, missing)
    twice = [column for column in wanted if counts[column] > 1]
    if twice:
        raise Problem(
            "duplicate_column",
            400,
            f"{name} has {counts[twice[0]]} columns named {quoted(twice[0])}: which one counts is not clear.",
            "Rename or remove one of them.",
            [
                {"code": "duplicate_field", "field": column, "detail": "The column is there twice."}
                for column in twice
            ],
        )
    return [columns.index(column) for column in wanted]


def included(columns: Sequence[str], include: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns to copy; `*` stands for all of the file."""
    if tuple(include) == (ALL,):
        return tuple(columns)
    return tuple(dict.fromkeys(include))


def _missing(name: str, columns: Sequence[str], missing: Sequence[str]) -> Problem:
    unused = [column for column in columns if column not in missing]
    errors = []
    for column in missing:
        near = nearest(column, unused)
        hint = f"Did you mean {quoted(near)}?" if near is not None else ""
        errors.append(
            {"code": "missing_field", "field": column, "detail": f"No column {quoted(column)}.", "hint": hint}
        )
    first = errors[0]
    more = f" ({len(missing)} columns are missing)" if len(missing) > 1 else ""
    hint = first["hint"] or _shape_hint(columns)
    return Problem("missing_column", 422, f"{name} has no column {quoted(missing[0])}{more}.", hint, errors)


def _shape_hint(columns: Sequence[str]) -> str:
    for letter, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (",", "commas")):
        if len(columns) == 1 and letter in columns[0]:
            return (
                f"Its header seems to be parted by {word}: write it as CSV with commas, or as .tsv with tabs."
            )
    shown = ", ".join(quoted(column) for column in columns[:8])
    rest = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return f"Its columns are {shown}{rest}. The first line of the file must name them."
