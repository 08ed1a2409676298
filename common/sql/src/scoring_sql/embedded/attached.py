# ruff: noqa: S608 -- names are quoted
"""Databases beside DuckDB: its extension where there is one, else the tables that a query names are read."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb
from scoring import Problem

from scoring_sql.beside.address import ALCHEMY, DUCKDB, POSTGRES, SQLITE, Address, parse
from scoring_sql.embedded import extension
from scoring_sql.embedded.macro import literal, quoted

_ALIAS: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_MYSQL: Final = ("mysql", "mariadb")


def attach(connection: Any, attached: Mapping[str, str], sql: str) -> list[str]:
    """Make other databases known by their names; returns what was done where it is not the usual.

    Where DuckDB's extension can be loaded, the database is attached, to be read and written. Otherwise the
    tables that the statements name are read whole into this DuckDB, which puts on disk what its memory does
    not hold; then they cannot be written.
    """
    notes: list[str] = []
    for name, place in attached.items():
        if not _ALIAS.fullmatch(name):
            hint = "Use letters, digits and underscores: --attach plant=plant.sqlite."
            raise Problem("invalid_name", 422, f"{name!r} cannot be the name of a database.", hint)
        address = parse(place)
        if address.kind == DUCKDB:
            connection.execute(f"ATTACH {literal(address.place)} AS {quoted(name)}")
        elif not _extended(connection, name, address):
            for table in _read(sql, name, address):
                rows = _copied(connection, name, table, address)
                notes.append(f"{'.'.join((name, *table))}: {rows:,} rows read")
    return notes


def _extended(connection: Any, name: str, address: Address) -> bool:
    """Attach by DuckDB's extension, if it is installed."""
    kind = _kind(address)
    if kind is None or not extension.load(connection, kind):
        return False
    place = _mysql(address) if kind == extension.MYSQL else address.place
    try:
        connection.execute(f"ATTACH {literal(place)} AS {quoted(name)} (TYPE {kind})")
    except duckdb.Error as error:  # which repeats what it was given
        detail = address.clean(str(error).replace(place, address.label))
        raise Problem("database_unavailable", 503, detail, f"Mend the address of {name}.") from None
    return True


def _kind(address: Address) -> str | None:
    """Tell the type of DuckDB's that an address is of."""
    if address.kind == ALCHEMY:
        return extension.MYSQL if re.split(r"[+:]", address.place)[0].lower() in _MYSQL else None
    return {POSTGRES: extension.POSTGRES, SQLITE: extension.SQLITE}.get(address.kind)


def _mysql(address: Address) -> str:
    """Write a URL of MySQL or MariaDB as the settings that DuckDB's extension takes."""
    parts = urlsplit(address.place)
    query = dict(parse_qsl(parts.query))
    settings = {
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username and unquote(parts.username),
        "passwd": parts.password and unquote(parts.password),
        "db": unquote(parts.path.lstrip("/")),
        "socket": query.get("unix_socket"),
    }
    if settings["socket"]:
        settings["host"] = settings["host"] or "localhost"
    return " ".join(f"{key}={_setting(str(value))}" for key, value in settings.items() if value)


def _setting(value: str) -> str:
    if re.fullmatch(r"[\w./:-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _read(sql: str, name: str, address: Address) -> list[tuple[str, ...]]:
    """List the tables of a database that statements read; raises Problem if one is written."""
    import sqlglot
    from sqlglot import exp

    try:
        trees = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        detail = f"The query cannot be searched for tables of {name}: {str(error).splitlines()[0]}"
        raise Problem("query_refused", 422, detail, "Mend the query.") from None
    found: list[tuple[str, ...]] = []
    for tree in trees:
        written = None if isinstance(tree, exp.Query) else tree.find(exp.Table)
        for table in tree.find_all(exp.Table):
            first, *rest = (part.name for part in table.parts)
            if not rest or first.casefold() != name.casefold():
                continue
            if table is written:
                raise _read_only(name, address)
            found.append(tuple(rest))
    return list(dict.fromkeys(found))


def _read_only(name: str, address: Address) -> Problem:
    kind = _kind(address)
    hint = "Write a file with -o, or the table with `scoring sql score --into`."
    if kind is not None:
        hint += f" Or {extension.remedy(kind)}."
    detail = f"{name} is read only: DuckDB's extension for it is not installed."
    return Problem("read_only", 422, detail, hint)


def _copied(connection: Any, name: str, table: tuple[str, ...], address: Address) -> int:
    """Read a table of another database into this one; returns its rows."""
    from scoring_sql.beside.database import open_source

    # Two parts name a table of a schema, three one of a schema in an attached database.
    if len(table) == 1:
        schema = name
    else:
        connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quoted(name)}")
        schema = f"{name}.{table[0]}"
    space = ".".join(quoted(part) for part in schema.split("."))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {space}")
    with open_source(address) as source:
        reader = source.everything(table)
        connection.register("scoring_incoming", reader)
        connection.execute(f"CREATE TABLE {space}.{quoted(table[-1])} AS SELECT * FROM scoring_incoming")
        connection.unregister("scoring_incoming")
    # All rows, though it is one: DuckDB 2 takes a result that was not read to its end for work under way.
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {space}.{quoted(table[-1])}").fetchall()
    return int(rows)
