"""The form for PL/Python: the engine in the server's own Python, where extensions in C may not be installed.

It is the second choice: plpython3u must be there, only a superuser may make its functions, and every value is
turned into a Python object. The server's Python must have scoring-core on its path, for instance by
PYTHONPATH in the server's environment.
"""

from collections.abc import Sequence
from typing import Final

from psycopg import sql
from scoring.problem import Problem
from scoring.schema import TIME64
from scoring.scorer import Scorer

from sql_scorer.function import put
from sql_scorer.place import Connection, Place
from sql_scorer.sample import argument_type

LANGUAGE: Final = "plpython3u"

# Everything that is made once lies in GD, by digest: functions of one session share it.
_BODY: Final = """
kept = GD.get({key})
if kept is None:
    import scoring
    from scoring.intake import Intake
    rows = plpy.execute({query})
    if not rows:
        plpy.error("the artifact is not in the table of artifacts", sqlstate="42704",
                   hint="Install the pipeline again.")
    scorer = scoring.load(rows[0]["artifact"])
    kept = GD[{key}] = (scorer.engine.row, [reader.cell for reader in Intake(scorer.schema).readers])
row, readers = kept
cells = [{cells}]
try:
    found = row([read(cell) for read, cell in zip(readers, cells)])
except ValueError as fault:
    for read, cell, name in zip(readers, cells, {names}):
        try:
            read(cell)
        except ValueError:
            plpy.error("field %s: the value cannot be read" % name, detail=str(fault), sqlstate="22P02",
                       hint="scoring's cells are numbers, true or false, texts and times; null is missing.")
    raise
{back}
"""


def install(connection: Connection, place: Place, scorer: Scorer) -> None:
    """Make function and view; the artifact is read from the table of artifacts.

    Raises:
        Problem: the server does not have PL/Python.
        psycopg.Error: whatever the database says; only a superuser may make the function.
    """
    known = connection.execute("SELECT 1 FROM pg_language WHERE lanname = %s", [LANGUAGE]).fetchone()
    if known is None:
        detail = f"The database has no language {LANGUAGE}."
        hint = "Let a superuser run CREATE EXTENSION plpython3u, or take the form plain."
        raise Problem("language_missing", 400, detail, hint)
    put(connection, place, scorer, statement(scorer, place).as_string(connection))


def grant(connection: Connection, place: Place, roles: Sequence[sql.Composable]) -> None:
    """Let roles read the artifact, which the function reads with the rights of who calls it."""
    for role in roles:
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(place.of("artifacts"), role))


def forget(_connection: Connection, _place: Place) -> None:
    """Remove what this form has beside function and view: nothing."""


def statement(scorer: Scorer, place: Place) -> sql.Composed:
    """Write the function, with the plain form's arguments and outputs: either can replace the other."""
    fields, outputs = scorer.schema.inputs, scorer.output_names
    taken = [sql.SQL("{} {}").format(sql.Identifier(f.name), sql.SQL(argument_type(f))) for f in fields]
    given = [sql.SQL("OUT {} double precision").format(sql.Identifier(name)) for name in outputs]
    artifact = sql.SQL("SELECT artifact FROM {} WHERE digest = {}").format(
        place.of("artifacts"), sql.Literal(scorer.digest)
    )
    back = "return (1.0 - found, found)" if scorer.task == "binomial" else "return found"
    body = _BODY.format(
        key=repr(f"scoring {scorer.digest}"),
        query=repr(artifact.as_string(None)),
        cells=", ".join(f"args[{number}]" for number in range(len(fields))),
        names=repr([field.name for field in fields]),
        back=back,
    )
    # The text of a timestamp is read in ISO 8601 only.
    iso = " SET datestyle = 'ISO, YMD'" if any(field.type == TIME64 for field in fields) else ""
    return sql.SQL(
        "CREATE OR REPLACE FUNCTION {}({}) LANGUAGE plpython3u STABLE PARALLEL SAFE COST 10000{} AS {}"
    ).format(place.of("score"), sql.SQL(", ").join([*taken, *given]), sql.SQL(iso), sql.Literal(body))
