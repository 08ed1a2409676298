"""What DuckDB refuses, as problems."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
from scoring import Problem, Scorer
from scoring.schema import did_you_mean, listed

from scoring_sql.embedded.extension import TYPES, remedy

_KEY: Final = re.compile(r'Could not find key "(.*?)" in struct')
_ENTRY: Final = re.compile(r'"((?:[^"]|"")*)"')
_CELL: Final = re.compile(r"ValueError: (Field .*)", re.DOTALL)
_FEW: Final = re.compile(r"Macro (\w+)\(\) does not support the supplied arguments")
_EXTENSION: Final = re.compile(
    r"extension \"?(\w+)\"?.*(?:not found|download|install)", re.IGNORECASE | re.DOTALL
)


@contextmanager
def told(scorer: Scorer) -> Iterator[None]:
    """Turn DuckDB's errors into problems that name the column and what to do."""
    try:
        yield
    except duckdb.Error as error:
        raise _problem(scorer, str(error)) from None


def _problem(scorer: Scorer, text: str) -> Problem:
    if found := _KEY.search(text):
        name = found[1]
        near = _ENTRY.findall(text[found.end() :])
        close = did_you_mean(name, near)
        rename = f" Rename it: select ..., {near[0]} as {name}." if close else ""
        hint = close + rename or f"The inputs are {listed(scorer.schema.names)}."
        return Problem("missing_field", 422, f"The row has no column {name!r}.", hint)
    if found := _CELL.search(text):
        return Problem("invalid_rows", 422, found[1].strip().splitlines()[0], "")
    if found := _FEW.search(text):
        hint = (
            f"Give a row, such as the name of a table, or the inputs in order: {listed(scorer.schema.names)}."
        )
        count = len(scorer.schema)
        return Problem("wrong_arguments", 422, f"{found[1]} takes one row or {count} columns.", hint)
    lines = [line for line in text.strip().splitlines() if line.strip()]
    detail = " ".join(lines[0].split())
    if found := _EXTENSION.search(text):
        return Problem(
            "extension_unavailable",
            501,
            f"DuckDB needs its extension {found[1]}, which cannot be had here: {detail}",
            "Give the database with --attach NAME=ADDRESS, which reads SQLite, PostgreSQL and MySQL without "
            f"an extension. To write there, {_remedy(found[1])}.",
        )
    place = next((" ".join(line.split()) for line in lines[1:] if line.startswith("LINE ")), "")
    return Problem("query_refused", 422, detail + (f" ({place})" if place else ""), "Mend the query.")


def _remedy(name: str) -> str:
    kind = name.lower().removesuffix("_scanner")
    if kind in TYPES:
        return remedy(kind)
    return "install the extension's file: INSTALL '/path/to/file'"
