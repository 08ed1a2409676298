# ruff: noqa: S608 -- names and values are quoted; the query is the user's own, checked and run read only
"""SQLite: read and written by Python's own module."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from scoring_sql.beside import cursor
from scoring_sql.beside.address import Address
from scoring_sql.beside.fault import told
from scoring_sql.beside.job import Name
from scoring_sql.beside.source import Source, Wanted, instead, quoted
from scoring_sql.beside.target import Target

_SECONDS: Final = 60.0  # to wait for another process that writes
_ERRORS: Final = (sqlite3.Error, OverflowError)


class SqliteSource(Source):
    """Reads a file that it opens read only, a chunk at a time, so that nobody waits for it to write."""

    dialect = "sqlite"
    ahead = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = _connect(address, "ro")
        self._connection.execute("PRAGMA query_only = 1")

    def columns(self, query: str) -> list[str]:
        """Name the columns of a query."""
        with self._told():
            found = self._connection.execute(f"SELECT * FROM (\n{query}\n) LIMIT 0")
            # SQLite renames the second of two columns of one name, as in id:1.
            return [column[0] for column in found.description]

    def rows(
        self,
        query: str,
        wanted: Wanted,
        after: Sequence[Any] | None,
        chunk_rows: int,
        most: int | None = None,
    ) -> Iterator[Any]:
        """Give the rows after a key."""
        keys = [quoted(name) for name in wanted.keys]
        chosen = ", ".join(map(quoted, wanted.names))
        text = f"SELECT {chosen} FROM (\n{query}\n)"

        def fetch(behind: Sequence[Any] | None, size: int) -> Sequence[Sequence[Any]]:
            numbered = [f"?{place + 1}" for place in range(len(keys))]
            where = "" if behind is None else f" WHERE {cursor.condition(keys, numbered)}"
            with self._told():
                found = self._connection.execute(
                    f"{text}{where} ORDER BY {', '.join(keys)} LIMIT {size}", list(behind or ())
                )
                return found.fetchall()

        return cursor.chunks(fetch, wanted, after, chunk_rows, most)

    def everything(self, table: Sequence[str]) -> Any:
        """Give a table as a pyarrow table."""
        with self._told():
            found = self._connection.execute(f"SELECT * FROM {quoted(table[-1])}")
            names = [column[0] for column in found.description]
            rows = found.fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table([cursor.array(column) for column in columns], names)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _told(self) -> Any:
        return told(self._address, "read the query", *_ERRORS)


class SqliteTarget(Target):
    """Writes a file."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = _connect(address, "rwc")

    def existing(self, name: Name) -> dict[str, str] | None:
        """Return the columns of a table with their types."""
        return {
            row[0]: row[1]
            for row in self.fetch(f"SELECT name, type FROM pragma_table_info({self._table(name)})")
        } or None

    def unique(self, name: Name, keys: Sequence[str]) -> bool:
        """Tell whether a table has a unique index of just these columns."""
        info = f"SELECT name FROM pragma_table_info({self._table(name)}) WHERE pk > 0"
        found = [{row[0] for row in self.fetch(info)}]
        listed = f'SELECT name FROM pragma_index_list({self._table(name)}) WHERE "unique" AND NOT partial'
        for (index,) in self.fetch(listed):
            found.append(
                {row[0] for row in self.fetch(f"SELECT name FROM pragma_index_info({self.value(index)})")}
            )
        return set(keys) in found

    def create(self, name: Name, schema: Any, keys: Sequence[str]) -> None:
        """Create a table."""
        self.define(name, [(field.name, _type(field.type)) for field in schema], keys)

    def load(self, name: Name, rows: Any) -> None:
        """Add the rows of a table."""
        self._insert(name, rows, "")

    def upsert(self, name: Name, rows: Any, keys: Sequence[str]) -> None:
        """Add the rows of a table, or change those that are there."""
        self._insert(name, rows, instead(rows.schema.names, keys))

    def run(self, statement: str) -> None:
        """Run a statement."""
        with self._told():
            self._begin()
            self._connection.execute(statement)

    def change(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        with self._told():
            self._begin()
            return self._connection.execute(statement).rowcount

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._told():
            return self._connection.execute(query).fetchall()

    def commit(self) -> None:
        """End the transaction."""
        with self._told():
            self._connection.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        with contextlib.suppress(*_ERRORS):
            self._connection.rollback()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _begin(self) -> None:
        """Begin a transaction, of which definitions of tables are a part too."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _table(self, name: Name) -> str:
        return self.value(name.parts[-1])

    def sql(self, name: Name) -> str:
        """Write the name of a table; the file has one schema."""
        return quoted(name.parts[-1])

    def _insert(self, name: Name, rows: Any, more: str) -> None:
        names = ", ".join(map(quoted, rows.schema.names))
        marks = ", ".join("?" * rows.num_columns)
        values = zip(*(_values(column) for column in rows.columns), strict=True)
        with self._told():
            self._begin()
            self._connection.executemany(
                f"INSERT INTO {self.sql(name)} ({names}) VALUES ({marks}){more}", values
            )

    def _told(self) -> Any:
        return told(self._address, f"write {self.job.table}", *_ERRORS)


def _connect(address: Address, mode: str) -> sqlite3.Connection:
    with told(address, "open the file", *_ERRORS):
        place = f"file:{quote(str(Path(address.place).absolute()))}?mode={mode}"
        return sqlite3.connect(
            place, uri=True, timeout=_SECONDS, check_same_thread=False, isolation_level=None
        )


def _type(kind: Any) -> str:
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "INTEGER"
    if pa.types.is_floating(kind):
        return "REAL"
    return "BLOB" if pa.types.is_binary(kind) else "TEXT"


def _values(column: Any) -> list[Any]:
    """Give a column as what SQLite keeps."""
    values: list[Any] = column.to_pylist()
    kind = column.type
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind)
    if plain or pa.types.is_binary(kind) or pa.types.is_boolean(kind):
        return values
    return [None if value is None else str(value) for value in values]
