"""Access: the roles that may score, and nobody else but the owner."""

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from sql_scorer.place import Connection, Place

_EVERYBODY: Final = "PUBLIC"
_GRANTED: Final = (
    "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE r.rolname END"
    " FROM pg_namespace n, aclexplode(n.nspacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
    " WHERE n.nspname = %s AND a.grantee <> n.nspowner"
)


def grant(connection: Connection, place: Place, roles: Sequence[str]) -> list[sql.Composable]:
    """Let these roles score, and none that could before; return their names for a statement.

    PUBLIC is every role of the database.

    Raises:
        psycopg.Error: there is no role of a name.
    """
    run = connection.execute
    everything = sql.SQL("ALL FUNCTIONS IN SCHEMA {}").format(place.name)
    sample = sql.SQL("TABLE {}").format(place.of("sample"))
    run(sql.SQL("REVOKE ALL ON {} FROM PUBLIC").format(everything))
    for (name,) in run(_GRANTED, [place.schema]).fetchall():
        if name is not None and name not in roles:
            artifacts = sql.SQL("TABLE {}").format(place.of("artifacts"))
            for what in (sql.SQL("SCHEMA {}").format(place.name), everything, sample, artifacts):
                run(sql.SQL("REVOKE ALL ON {} FROM {}").format(what, _role(name)))
    for name in roles:
        run(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place.name, _role(name)))
        run(sql.SQL("GRANT EXECUTE ON {} TO {}").format(everything, _role(name)))
        run(sql.SQL("GRANT SELECT ON {} TO {}").format(sample, _role(name)))
    return [_role(name) for name in roles]


def _role(name: str) -> sql.Composable:
    return sql.SQL(_EVERYBODY) if name == _EVERYBODY else sql.Identifier(name)
