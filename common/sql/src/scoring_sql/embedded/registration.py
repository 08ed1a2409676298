"""Registering a scorer as functions of a DuckDB connection."""

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scoring import Problem, Scorer

from scoring_sql.answer import Parts, Scores
from scoring_sql.cells import FieldColumn
from scoring_sql.embedded.macro import macro, quoted

Connection = duckdb.DuckDBPyConnection

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")


def register(connection: Connection, scorer: Scorer, name: str = "score") -> list[str]:
    """Make functions of a scorer on a connection; returns their names.

    * `score(t)`: a struct with a DOUBLE for each output, such as `cooler.3`; `unnest(score(t))`: columns.
    * `score_label(t)`: the label of the highest output (not for a regression).
    * `contribution(t)`: a struct with the part that each input has in the raw score (`<name>_contribution`
      for other names than score; not for forests without counts).

    Each takes a row, such as the alias of a table, whose columns are found by name, or the inputs as
    arguments in schema order. NULL and NaN are missing values; numbers, truth values, times and texts are
    read as the scorer reads cells. DuckDB calls them from all its threads with vectors of rows.

    Raises:
        Problem: the name is no plain name, or two outputs differ only in case.
    """
    if not _NAME.fullmatch(name):
        detail = f"{name!r} cannot be the name of a function."
        raise Problem("invalid_name", 422, detail, "Use letters, digits and underscores.")
    fields = [FieldColumn(field) for field in scorer.schema]
    cell = f"{name}__cell"
    _create(connection, cell, _cell(fields), ["INTEGER", "VARCHAR"], "DOUBLE")
    made = []
    for called, result, function in _functions(scorer, name):
        rows = f"{called}__rows"
        members = ", ".join(f"d{position} DOUBLE" for position in range(len(fields)))
        _create(connection, rows, function, [f"STRUCT({members})"], result)
        connection.execute(macro(called, rows, cell, fields))
        made.append(called)
    return made


def unregister(connection: Connection, name: str = "score") -> None:
    """Take the functions of a scorer off a connection; those that are not there are passed over."""
    for called in (name, f"{name}_label", _parts_name(name)):
        connection.execute(f"DROP MACRO IF EXISTS temp.{quoted(called)}")
        _remove(connection, f"{called}__rows")
    _remove(connection, f"{name}__cell")


def _functions(scorer: Scorer, name: str) -> "list[tuple[str, str, Callable[[Any], Any]]]":
    scores = Scores(scorer)
    found = [(name, _struct(scores.names), _structs(scores))]
    if scorer.labels:
        found.append((f"{name}_label", "VARCHAR", _labels(scores, scorer.labels)))
    if scorer.engine.has_counts:
        parts = Parts(scorer)
        found.append((_parts_name(name), _struct(parts.names), _structs(parts)))
    return found


def _parts_name(name: str) -> str:
    return "contribution" if name == "score" else f"{name}_contribution"


def _struct(names: Sequence[str]) -> str:
    folded = [name.casefold() for name in names]
    if len(set(folded)) < len(folded):
        twice = next(name for name in names if folded.count(name.casefold()) > 1)
        raise Problem(
            "unsupported",
            501,
            f"Two outputs are named {twice!r} but for capital letters, which DuckDB cannot tell apart.",
            "Rename the labels, or score with `scoring score`.",
        )
    return f"STRUCT({', '.join(f'{quoted(name)} DOUBLE' for name in names)})"


def _structs(answer: Scores | Parts) -> Callable[[Any], Any]:
    def function(rows: Any) -> Any:
        return pa.StructArray.from_arrays(answer.columns(_batch(rows)), answer.names)

    return function


def _labels(scores: Scores, labels: Sequence[str]) -> Callable[[Any], Any]:
    texts = pa.array(labels)

    def function(rows: Any) -> Any:
        highest = np.argmax([column.to_numpy() for column in scores.columns(_batch(rows))], axis=0)
        return texts.take(pa.array(highest))

    return function


def _cell(fields: Sequence[FieldColumn]) -> Callable[[Any, Any], Any]:
    def function(position: Any, texts: Any) -> Any:
        field = fields[position[0].as_py()]
        doubles, unread = field.text(_array(texts))
        if unread is not None:
            # DuckDB passes on only the text of an error.
            raise ValueError(f"Field {unread.field!r}: {unread.detail}. {unread.hint}")
        return doubles

    return function


def _batch(rows: Any) -> Any:
    return pa.RecordBatch.from_struct_array(_array(rows))


def _array(column: Any) -> Any:
    """Give a column as one array; DuckDB hands over one chunk at a time."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _create(connection: Connection, name: str, function: Any, takes: list[Any], gives: str) -> None:
    _remove(connection, name)
    connection.create_function(
        name, function, takes, gives, type="arrow", null_handling="special", side_effects=False
    )  # type: ignore[call-overload, unused-ignore]


def _remove(connection: Connection, name: str) -> None:
    with contextlib.suppress(duckdb.Error):
        connection.remove_function(name)
