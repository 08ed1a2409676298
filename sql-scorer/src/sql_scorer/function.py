"""The function `score` and the view `sample`: put into the schema, known again, dropped."""

from typing import Final

import psycopg
from psycopg import sql
from scoring.scorer import Scorer

from sql_scorer.place import Connection, Place
from sql_scorer.sample import argument_type, sample_view

_FUNCTIONS: Final = (
    "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = %s AND p.proname = 'score'"
    " AND obj_description(p.oid, 'pg_proc') LIKE '%% installed by sql-scorer' ORDER BY 1"
)
_CODE: Final = (
    "SELECT encode(sha256(convert_to(string_agg(text, E'\\n' ORDER BY text), 'UTF8')), 'hex') FROM ("
    " SELECT pg_get_functiondef(p.oid) AS text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = %(schema)s AND p.proname = 'score' AND p.prokind = 'f'"
    " UNION ALL SELECT pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %(schema)s AND c.relname = 'sample' AND c.relkind = 'v') AS parts"
)


def put(connection: Connection, place: Place, scorer: Scorer, statement: str) -> None:
    """Make the function `score` by a statement, and the view `sample`, over those of an earlier version.

    Where inputs and outputs are the same, the function is replaced in place, and what depends on it stays.

    Raises:
        psycopg.Error: whatever the database says.
    """
    before = _functions(connection, place)
    connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(place.of("sample")))
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.errors.InvalidFunctionDefinition:  # the same inputs, but other outputs or names
        _drop(connection, before)
        connection.execute(statement.encode())
        before = []
    made = _made(connection, place, scorer)
    _drop(connection, [name for name in before if name != made])
    remark = f"Scores of {scorer.name}, artifact {scorer.digest}; installed by sql-scorer"
    connection.execute(sql.SQL("COMMENT ON FUNCTION {} IS {}").format(_spelt(made), sql.Literal(remark)))
    connection.execute(sample_view(scorer, place))


def _functions(connection: Connection, place: Place) -> list[str]:
    """List the functions named `score` in the schema, as text that a statement can have."""
    return [str(name) for (name,) in connection.execute(_FUNCTIONS, [place.schema]).fetchall()]


def code(connection: Connection, place: Place) -> str:
    """Return a digest of function and view as the database has them, "" where there are none."""
    found = connection.execute(_CODE, {"schema": place.schema}).fetchone()
    return "" if found is None or found[0] is None else str(found[0])


def drop(connection: Connection, place: Place) -> None:
    """Drop view and function; what depends on them stops that, as an error."""
    connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(place.of("sample")))
    _drop(connection, _functions(connection, place))


def _made(connection: Connection, place: Place, scorer: Scorer) -> str:
    """Name the function for the inputs of a pipeline, as `_functions` spells it."""
    kinds = ", ".join(argument_type(field) for field in scorer.schema.inputs)
    found = connection.execute("SELECT to_regprocedure(%s)::text", [f'"{place.schema}".score({kinds})'])
    return str((found.fetchone() or ("",))[0])


def _drop(connection: Connection, names: list[str]) -> None:
    for name in names:
        connection.execute(sql.SQL("DROP FUNCTION {} RESTRICT").format(_spelt(name)))


def _spelt(name: str) -> sql.SQL:
    """Take the database's own spelling of a function, quoted by it, into a statement."""
    return sql.SQL(name)
