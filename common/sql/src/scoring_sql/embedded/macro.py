"""The SQL around the engine in DuckDB: macros that find, read and order the columns of a row.

DuckDB binds a macro anew in each statement, so that `typeof` is a constant there: of each CASE below only
the branch for the column's type is left when the statement runs.
"""

from collections.abc import Sequence
from typing import Final

from scoring.schema import TIME64

from scoring_sql.cells import FieldColumn

_TIMES: Final = "('DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS')"
_NUMBERS: Final = "'^(DECIMAL|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE)'"


_ROW: Final = "scoring_row"
_CELLS: Final = "scoring_cells"
_MANY: Final = 64
"""Inputs from which on a row is bound once, by a lambda: DuckDB writes out a row at each mention of it."""


def macro(name: str, rows: str, cell: str, fields: Sequence[FieldColumn]) -> str:
    """Write the macro `name`, which passes a row, or columns in order, to the function `rows`.

    `cell` is the function that reads a text of a field, given the field's position.
    """
    wide = len(fields) > _MANY
    of_row = [f"struct_extract({_CELLS if wide else _ROW}, {literal(one.field.name)})" for one in fields]
    call = _call(rows, cell, fields, of_row)
    # Fewer columns are named one by one: then DuckDB reads no others.
    bodies = [f"({_ROW}) AS " + (f"list_transform([{_ROW}], lambda {_CELLS}: {call})[1]" if wide else call)]
    if len(fields) > 1:  # one argument alone is a row
        columns = [f"c{position}" for position in range(len(fields))]
        bodies.append(f"({', '.join(columns)}) AS {_call(rows, cell, fields, columns)}")
    return f"CREATE OR REPLACE TEMP MACRO {quoted(name)} {', '.join(bodies)}"


def _call(rows: str, cell: str, fields: Sequence[FieldColumn], cells: Sequence[str]) -> str:
    doubles = [
        _double(one, position, source, cell)
        for position, (one, source) in enumerate(zip(fields, cells, strict=True))
    ]
    members = ", ".join(f"d{position} := {double}" for position, double in enumerate(doubles))
    return f"{quoted(rows)}(struct_pack({members}))"


def _double(column: FieldColumn, position: int, source: str, cell: str) -> str:
    """Write how a cell becomes the double that the engine takes."""
    text = f"{quoted(cell)}({position}, CAST({source} AS VARCHAR))"
    number = f"CAST({source} AS DOUBLE)"
    numeric = f"regexp_matches(typeof({source}), {_NUMBERS})"
    if column.plain:
        for sentinel in column.sentinels:
            number = f"nullif({number}, CAST({literal(repr(sentinel))} AS DOUBLE))"
        return f"CASE WHEN typeof({source}) = 'BOOLEAN' OR {numeric} THEN {number} ELSE {text} END"
    if column.field.type == TIME64:
        kinds = {
            "= 'TIMESTAMP WITH TIME ZONE'": f"epoch_us(CAST({source} AS TIMESTAMPTZ)) / 1e6",
            f"IN {_TIMES}": f"epoch_us(CAST({source} AS TIMESTAMP)) / 1e6",
            "= 'TIMESTAMP_NS'": f"epoch_ns(CAST({source} AS TIMESTAMP_NS)) / 1e9",
        }
        cases = [f"WHEN typeof({source}) {kind} THEN {seconds}" for kind, seconds in kinds.items()]
        return f"CASE WHEN {numeric} THEN {number} {' '.join(cases)} ELSE {text} END"
    return text


def quoted(name: str) -> str:
    """Write a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text as a literal."""
    return "'" + text.replace("'", "''") + "'"
