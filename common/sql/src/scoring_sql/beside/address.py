"""Addresses of databases: what a user writes for one, without a secret on the command line."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from scoring import Problem

POSTGRES, SQLITE, DUCKDB, ALCHEMY = "postgres", "sqlite", "duckdb", "sqlalchemy"

_SERVICE: Final = re.compile(r"[A-Za-z0-9_.-]+")
_SECRETS: Final = ("password", "passwd", "sslpassword", "token", "pwd")
_SUFFIXES: Final = {
    ".duckdb": DUCKDB, ".ddb": DUCKDB, ".sqlite": SQLITE, ".sqlite3": SQLITE, ".db": SQLITE
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """Where a database is and what speaks to it."""

    kind: str
    """postgres, sqlite, duckdb or sqlalchemy."""
    place: str = field(repr=False)
    """libpq's connection string, a path, or a URL of SQLAlchemy; may hold a password."""
    label: str
    """What messages and checkpoints call it: no password in it."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not be in a message."""

    def clean(self, text: str) -> str:
        """Take secrets out of a text."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def parse(text: str, environment: Mapping[str, str] | None = None) -> Address:
    """Read an address.

    A URL (`postgresql://host/db`, `sqlite:///file`, `duckdb:///file`, or one of SQLAlchemy's), a connection
    string of libpq, the path of a SQLite or DuckDB file, the name of a connection service of PostgreSQL, or
    `env:NAME` for an environment variable that holds one of these. Only there may a password stand.

    Raises:
        Problem: a password stands on the command line, the variable is not set, or nothing fits.
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        value = (os.environ if environment is None else environment).get(name)
        if not value:
            detail = f"The environment variable {name!r} is not set."
            raise Problem("no_address", 422, detail, "Set it to the URL of the database.")
        found = _parse(value)
        return Address(found.kind, found.place, text, found.secrets)
    found = _parse(text)
    if found.secrets:
        raise Problem(
            "credential_on_command_line",
            422,
            "The address holds a password, which anybody on this machine could read in the process list.",
            "Leave it out and put it into ~/.pgpass or a service of ~/.pg_service.conf (PostgreSQL), or put "
            "the whole URL into an environment variable and give env:NAME.",
        )
    return found


def _parse(text: str) -> Address:
    scheme, found, rest = text.partition("://")
    if found:
        return _of_url(scheme.lower(), rest, text)
    if "=" in text:
        return Address(POSTGRES, text, text, _conninfo_secrets(text))
    path = Path(text)
    kind = _sniffed(path) if path.is_file() else _SUFFIXES.get(path.suffix.lower())
    if kind is not None:
        return Address(kind, text, text)
    if _SERVICE.fullmatch(text):
        return Address(POSTGRES, f"service={text}", f"service={text}")
    raise Problem(
        "no_address",
        422,
        f"{text!r} is no address of a database.",
        "Give the name of a connection service, a URL such as postgresql://host/db, the path of a .sqlite or "
        ".duckdb file, or env:NAME for an environment variable.",
    )


def _of_url(scheme: str, rest: str, text: str) -> Address:
    base = scheme.split("+", 1)[0]
    if base in (SQLITE, DUCKDB):
        path = rest.removeprefix("/") if rest.startswith("/") else rest
        return Address(base, path.split("?", 1)[0], text)
    parts = urlsplit(text)
    secrets = [value for key, value in parse_qsl(parts.query) if key.lower() in _SECRETS and value]
    if parts.password:
        secrets.append(parts.password)
    if base in ("postgresql", "postgres"):
        return Address(POSTGRES, f"postgresql://{rest}", text, tuple(secrets))
    return Address(ALCHEMY, text, text, tuple(secrets))


def _conninfo_secrets(text: str) -> tuple[str, ...]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        settings = conninfo_to_dict(text)
    except ProgrammingError as error:
        hint = "Write it as in: host=db.example port=5432 dbname=rig."
        raise Problem("no_address", 422, f"The connection string is malformed: {error}.", hint) from None
    return tuple(str(value) for key, value in settings.items() if key in _SECRETS and value)


def _sniffed(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(b"SQLite format 3\0"):
        return SQLITE
    return DUCKDB if head[8:12] == b"DUCK" else _SUFFIXES.get(path.suffix.lower())
