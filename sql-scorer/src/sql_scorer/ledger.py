"""The ledger: what is installed in a schema, since when and by whom, with the artifacts themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import sql
from scoring.problem import Problem
from scoring.scorer import Scorer

from sql_scorer.place import Connection, Place

TABLES: Final = ("releases", "artifacts", "deployment")
"""In the order in which they can be dropped."""


@dataclass(frozen=True)
class Release:
    """An entry: a version of the functions."""

    digest: str
    form: str
    code: str
    """Digest of the functions as the database has them."""
    installed_at: datetime
    installed_by: str


def opened(connection: Connection, place: Place) -> bool:
    """Make the schema and its tables where there are none; return whether it was there already.

    Raises:
        Problem: a schema of the name is there and is not this deployment's.
    """
    if ours(connection, place):
        return True
    run = connection.execute
    run(sql.SQL("CREATE SCHEMA {}").format(place.name))
    run(
        sql.SQL(
            "CREATE TABLE {} (owner text NOT NULL, since timestamptz NOT NULL DEFAULT now(),"
            " made text[] NOT NULL DEFAULT '{{}}')"
        ).format(place.of("deployment"))
    )
    run(sql.SQL("INSERT INTO {} (owner) VALUES (%s)").format(place.of("deployment")), [place.owner])
    run(
        sql.SQL(
            "CREATE TABLE {} (digest text PRIMARY KEY, name text NOT NULL, artifact bytea NOT NULL)"
        ).format(place.of("artifacts"))
    )
    run(
        sql.SQL(
            "CREATE TABLE {} (number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " digest text NOT NULL REFERENCES {}, form text NOT NULL, code text NOT NULL,"
            " installed_at timestamptz NOT NULL DEFAULT now(),"
            " installed_by text NOT NULL DEFAULT session_user)"
        ).format(place.of("releases"), place.of("artifacts"))
    )
    return False


def ours(connection: Connection, place: Place) -> bool:
    """Tell whether the schema is there; raises Problem where it is another deployment's or a user's."""
    if not _exists(connection, "SELECT 1 FROM pg_namespace WHERE nspname = %s", place.schema):
        return False
    query = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'deployment'"
    found = None
    if _exists(connection, query, place.schema):
        found = connection.execute(sql.SQL("SELECT owner FROM {}").format(place.of("deployment"))).fetchone()
    if found is None or (place.owner and found[0] != place.owner):
        whose = "has something else in it" if found is None else "belongs to another deployment"
        detail = f"The schema {place.schema} is there already and {whose}."
        raise Problem("schema_taken", 409, detail, "Choose another with the variable `schema`.")
    return True


def latest(connection: Connection, place: Place) -> Release | None:
    """Return what is installed."""
    query = "SELECT digest, form, code, installed_at, installed_by FROM {} ORDER BY number DESC LIMIT 1"
    found = connection.execute(sql.SQL(query).format(place.of("releases"))).fetchone()
    return None if found is None else Release(*found)


def entered(connection: Connection, place: Place, scorer: Scorer, form: str, code: str) -> None:
    """Add a release, and its artifact where it is not there from an earlier one."""
    connection.execute(
        sql.SQL("INSERT INTO {} VALUES (%s, %s, %s) ON CONFLICT (digest) DO NOTHING").format(
            place.of("artifacts")
        ),
        [scorer.digest, scorer.name, bytes(scorer.artifact.data)],
    )
    connection.execute(
        sql.SQL("INSERT INTO {} (digest, form, code) VALUES (%s, %s, %s)").format(place.of("releases")),
        [scorer.digest, form, code],
    )


def remarked(connection: Connection, place: Place, tags: str) -> None:
    """Say in a remark on the schema whose it is."""
    remark = "; ".join(["A scoring pipeline, installed by sql-scorer", *([tags] if tags else [])])
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(place.name, sql.Literal(remark)))


def mended(connection: Connection, place: Place, code: str) -> None:
    """Note that the functions of the latest release were made anew."""
    releases = place.of("releases")
    query = "UPDATE {} SET code = %s WHERE number = (SELECT max(number) FROM {})"
    connection.execute(sql.SQL(query).format(releases, releases), [code])


def artifact(connection: Connection, place: Place, digest: str) -> bytes:
    """Return an artifact that was installed."""
    query = sql.SQL("SELECT artifact FROM {} WHERE digest = %s").format(place.of("artifacts"))
    found = connection.execute(query, [digest]).fetchone()
    return b"" if found is None else bytes(found[0])


def _exists(connection: Connection, query: str, *values: Any) -> bool:
    return connection.execute(query.encode(), values).fetchone() is not None
