"""A place: the schema of a deployment in a database that a connection service names, and who owns it."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from scoring.problem import Problem

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

SERVICE: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_WAIT: Final = "10s"
"""How long a lock is waited for, so that an installation never queues in front of everybody's queries."""


@dataclass(frozen=True)
class Place:
    """Where a deployment is."""

    service: str
    """A section of pg_service.conf; passwords come from libpq's own places, such as ~/.pgpass."""
    schema: str
    owner: str = ""
    """Identifies the deployment; "" for a person at a terminal, who may do what the database lets them."""

    @classmethod
    def given(cls, environ: Mapping[str, str]) -> "Place":
        """Return the place that SERVICE, SCHEMA and OWNER name.

        Raises:
            Problem: one of them is missing or cannot be the name of anything.
        """
        service, schema = environ.get("SERVICE", "").strip(), environ.get("SCHEMA", "").strip()
        if not SERVICE.fullmatch(service):
            hint = "Set SERVICE to a section of your pg_service.conf: letters, digits, dots, hyphens."
            raise Problem("service_invalid", 400, f"{service!r} names no connection service.", hint)
        if not SCHEMA.fullmatch(schema) or schema.startswith("pg_") or schema in _TAKEN:
            hint = "It has small letters, digits and underscores, the first no digit; no system schema."
            raise Problem("schema_invalid", 400, f"{schema!r} cannot be the deployment's schema.", hint)
        return cls(service, schema, environ.get("OWNER", "").strip())

    @property
    def name(self) -> sql.Identifier:
        """The schema's name for a statement."""
        return sql.Identifier(self.schema)

    def of(self, name: str) -> sql.Identifier:
        """Return the name of something in the schema for a statement."""
        return sql.Identifier(self.schema, name)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Connect, and do everything or nothing; others that install here wait meanwhile.

        Raises:
            Problem: the database cannot be reached, does not permit something, or objects depend on ours.
        """
        try:
            with psycopg.connect(self._target(), **_options()) as connection:
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [_WAIT])
                connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sql-scorer {self.schema}"]
                )
                yield connection
        except psycopg.Error as fault:
            raise explained(fault, self) from fault

    def _target(self) -> str:
        try:
            return make_conninfo(service=self.service)
        except psycopg.Error as fault:
            raise explained(fault, self) from fault


_TAKEN: Final = ("public", "information_schema")


def explained(fault: psycopg.Error, place: Place) -> Problem:
    """Return a database's error as a problem: what it said, and what to do. Passwords are in none of them."""
    said = str(fault).strip().replace("\n", " ")
    if isinstance(fault, psycopg.errors.InsufficientPrivilege):
        hint = (
            "Installing needs CREATE on the database, and of objects that are there already their ownership: "
            "GRANT CREATE ON DATABASE ... TO ...; or give a service whose user has them."
        )
        return Problem("permission_denied", 403, f"The database does not permit it: {said}.", hint)
    if isinstance(fault, psycopg.errors.DependentObjectsStillExist):
        hint = "Drop them, or keep to an artifact with the same inputs and outputs. Nothing was changed."
        return Problem("objects_depend", 409, f"Objects of yours depend on the functions: {said}.", hint)
    if isinstance(fault, psycopg.errors.LockNotAvailable):
        hint = f"A query that runs longer than {_WAIT} uses the functions. Try again after it."
        return Problem("functions_busy", 409, "The functions are in use.", hint)
    if isinstance(fault, psycopg.OperationalError) and fault.sqlstate is None:
        hint = (
            "The service is a section of ~/.pg_service.conf or of the file that PGSERVICEFILE names; "
            "its password belongs into ~/.pgpass or the file that PGPASSFILE names."
        )
        return Problem(
            "database_unreachable", 503, f"No connection with service {place.service}: {said}.", hint
        )
    return Problem("database_error", 500, f"The database refused: {said}.", "Nothing was changed.")


def _options() -> dict[str, Any]:
    return {
        "application_name": "sql-scorer",
        "connect_timeout": int(os.environ.get("PGCONNECT_TIMEOUT") or 10),
    }
