"""The extension form: the engine inside the server, and a function of the same arguments that calls it."""

from typing import Final

from psycopg import sql
from scoring.problem import Problem
from scoring.scorer import Scorer

from sql_scorer.function import put
from sql_scorer.place import Connection, Place
from sql_scorer.sample import argument_type

NAME: Final = "scoring"
"""The extension, and the schema that it lives in."""
MOST: Final = 98
"""Inputs that a function can pass on to the engine's, which has arguments of its own."""


def install(connection: Connection, place: Place, scorer: Scorer) -> None:
    """Make the extension if need be, put the artifact into its table, and make function and view.

    Raises:
        Problem: the server does not have the extension, or there are too many inputs.
        psycopg.Error: whatever the database says.
    """
    if len(scorer.schema) > MOST:
        detail = f"The function passes on {MOST} inputs at most, and there are {len(scorer.schema)}."
        raise Problem(
            "model_too_large", 400, detail, "Call scoring.score with a row: see the extension's README."
        )
    _create(connection, place)
    run = connection.execute
    run("SELECT scoring.install(%s, %s)", [place.schema, bytes(scorer.artifact.data)])
    put(connection, place, scorer, _statement(scorer, place).as_string(connection))


def forget(connection: Connection, place: Place) -> None:
    """Remove the artifacts from the extension's table, and it too if it was made here and is not used."""
    if not _there(connection, "SELECT 1 FROM pg_extension WHERE extname = %s", NAME):
        return
    connection.execute(
        "SELECT scoring.remove(name) FROM scoring.pipelines WHERE name = %s LIMIT 1", [place.schema]
    )
    made = connection.execute(sql.SQL("SELECT made FROM {}").format(place.of("deployment"))).fetchone()
    used = _there(connection, "SELECT 1 FROM scoring.pipelines LIMIT 1")
    if made is None or NAME not in made[0] or used:
        return
    connection.execute("DROP EXTENSION scoring RESTRICT")
    if "schema" in made[0]:
        connection.execute("DROP SCHEMA scoring RESTRICT")
    _note(connection, place, [])


def grant(connection: Connection, roles: "list[sql.Composable]") -> None:
    """Let roles use the extension, which runs nothing with more rights than its caller's."""
    for role in roles:
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA scoring TO {}").format(role))
        connection.execute(sql.SQL("GRANT SELECT ON scoring.pipelines TO {}").format(role))


def _create(connection: Connection, place: Place) -> None:
    if _there(connection, "SELECT 1 FROM pg_extension WHERE extname = %s", NAME):
        return
    if not _there(connection, "SELECT 1 FROM pg_available_extensions WHERE name = %s", NAME):
        detail = "The database server does not have the extension scoring."
        hint = "Install it on the server's host (extension/README.md), or take the form plain."
        raise Problem("extension_missing", 400, detail, hint)
    schema = _there(connection, "SELECT 1 FROM pg_namespace WHERE nspname = %s", NAME)
    connection.execute("CREATE EXTENSION scoring")
    _note(connection, place, [NAME] if schema else [NAME, "schema"])


def _note(connection: Connection, place: Place, made: list[str]) -> None:
    """Remember what else was made for this deployment, so that it is removed with it."""
    connection.execute(sql.SQL("UPDATE {} SET made = %s").format(place.of("deployment")), [made])


def _statement(scorer: Scorer, place: Place) -> sql.Composed:
    """Write a function with the plain form's arguments and outputs, so that either can replace the other."""
    fields = scorer.schema.inputs
    taken = [
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(argument_type(field))) for field in fields
    ]
    given = [sql.SQL("OUT {} double precision").format(sql.Identifier(name)) for name in scorer.output_names]
    places = [f"${number + 1}" for number in range(len(fields) + len(given))]
    outputs = [f"  out{number} ALIAS FOR {each};" for number, each in enumerate(places[len(fields) :])]
    cells = ", ".join(f"in{number}" for number in range(len(fields)))
    body = ["#variable_conflict use_variable", "DECLARE"]
    body += [f"  in{number} ALIAS FOR {place};" for number, place in enumerate(places[: len(fields)])]
    body += [
        *outputs,
        f"  scores double precision[] := scoring.score_fixed('{scorer.digest}', {cells});",
        "BEGIN",
    ]
    body += [f"  out{number} := scores[{number + 1}];" for number in range(len(given))]
    return sql.SQL(
        "CREATE OR REPLACE FUNCTION {}({}) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 150 AS {}"
    ).format(place.of("score"), sql.SQL(", ").join([*taken, *given]), sql.Literal("\n".join([*body, "END"])))


def _there(connection: Connection, query: str, *values: str) -> bool:
    return connection.execute(query.encode(), values or None).fetchone() is not None
