# ruff: noqa: S608 -- names and values are quoted; the query is the user's own, checked and run read only
"""DuckDB: rows come and go as Arrow within the process."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from scoring_sql.beside.address import Address
from scoring_sql.beside.fault import told
from scoring_sql.beside.job import Name
from scoring_sql.beside.key import plain
from scoring_sql.beside.source import Source, Wanted, chunked, instead, literal, quoted
from scoring_sql.beside.target import Target

_ERRORS: Final = (duckdb.Error, pa.ArrowInvalid)
_BATCH: Final = 8192
_INCOMING: Final = "scoring_incoming"


class DuckSource(Source):
    """Reads in one read-only transaction: one query, one snapshot."""

    dialect = "duckdb"
    ahead = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = _connect(address, False)
        self._connection.execute("BEGIN TRANSACTION READ ONLY")

    def columns(self, query: str) -> list[str]:
        """Name the columns of a query."""
        with self._told():
            return [row[0] for row in self._connection.execute(f"DESCRIBE (\n{query}\n)").fetchall()]

    def rows(
        self,
        query: str,
        wanted: Wanted,
        after: Sequence[Any] | None,
        chunk_rows: int,
        most: int | None = None,
    ) -> Iterator[Any]:
        """Give the rows after a key."""
        keys = ", ".join(map(quoted, wanted.keys))
        chosen = ", ".join(f"{quoted(name)} AS c{place}" for place, name in enumerate(wanted.names))
        where = (
            ""
            if after is None
            else f" WHERE ({keys}) > ({', '.join(literal(plain(value)) for value in after)})"
        )
        limit = "" if most is None else f" LIMIT {most}"
        with self._told():
            found = self._connection.sql(f"SELECT {chosen} FROM (\n{query}\n){where} ORDER BY {keys}{limit}")
            reader = found.to_arrow_reader(_BATCH)
            yield from chunked(reader, wanted.names, chunk_rows)

    def everything(self, table: Sequence[str]) -> Any:
        """Give a table as a pyarrow table."""
        with self._told():
            return self._connection.sql(f"SELECT * FROM {'.'.join(map(quoted, table))}").to_arrow_table()

    def close(self) -> None:
        """Let go of the database."""
        _close(self._connection)

    def _told(self) -> Any:
        return told(self._address, "read the query", *_ERRORS)


class DuckTarget(Target):
    """Writes a file."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = _connect(address, True)
        self._connection.execute("BEGIN TRANSACTION")

    def existing(self, name: Name) -> dict[str, str] | None:
        """Return the columns of a table with their types."""
        found = self.fetch(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
            f"AND table_name = {self.value(name.parts[-1])} AND schema_name = {self._schema(name)} "
            "ORDER BY column_index"
        )
        return dict(found) or None

    def unique(self, name: Name, keys: Sequence[str]) -> bool:
        """Tell whether a table has a unique constraint of just these columns."""
        found = self.fetch(
            "SELECT constraint_column_names FROM duckdb_constraints() "
            "WHERE database_name = current_database() "
            f"AND table_name = {self.value(name.parts[-1])} AND schema_name = {self._schema(name)} "
            "AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
        )
        return set(keys) in [set(row[0]) for row in found]

    def create(self, name: Name, schema: Any, keys: Sequence[str]) -> None:
        """Create a table."""
        self._connection.register(_INCOMING, pa.Table.from_batches([], _storable(schema)))
        described = self.fetch(f"DESCRIBE {_INCOMING}")
        self._connection.unregister(_INCOMING)
        self.define(name, [(row[0], row[1]) for row in described], keys)

    def load(self, name: Name, rows: Any) -> None:
        """Add the rows of a table."""
        self._insert(name, rows, "")

    def upsert(self, name: Name, rows: Any, keys: Sequence[str]) -> None:
        """Add the rows of a table, or change those that are there."""
        self._insert(name, rows, instead(rows.schema.names, keys))

    def run(self, statement: str) -> None:
        """Run a statement."""
        with self._told():
            self._connection.execute(statement)

    def change(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        return len(self.fetch(f"{statement} RETURNING 1"))

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._told():
            found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
            return found

    def commit(self) -> None:
        """End the transaction."""
        self.run("COMMIT")
        self.run("BEGIN TRANSACTION")

    def rollback(self) -> None:
        """Undo the transaction."""
        with contextlib.suppress(*_ERRORS):
            self._connection.execute("ROLLBACK")
        with contextlib.suppress(*_ERRORS):
            self._connection.execute("BEGIN TRANSACTION")

    def close(self) -> None:
        """Let go of the database."""
        _close(self._connection)

    def _schema(self, name: Name) -> str:
        return self.value(name.parts[-2]) if len(name.parts) > 1 else "current_schema()"

    def _insert(self, name: Name, rows: Any, more: str) -> None:
        names = ", ".join(map(quoted, rows.schema.names))
        self._connection.register(_INCOMING, rows.cast(_storable(rows.schema)))
        try:
            self.run(f"INSERT INTO {self.sql(name)} ({names}) SELECT {names} FROM {_INCOMING}{more}")
        finally:
            self._connection.unregister(_INCOMING)

    def _told(self) -> Any:
        return told(self._address, f"write {self.job.table}", *_ERRORS)


def _connect(address: Address, writing: bool) -> Any:
    """Open a file; a process may have it open once, so that reader and writer share what is open."""
    path = str(Path(address.place).absolute())
    with told(address, "open the file", *_ERRORS):
        if not writing and not Path(path).exists():
            raise duckdb.IOException(f"the file {path} does not exist")
        connection = duckdb.connect(path, config={"autoinstall_known_extensions": False})
        connection.execute("SET enable_progress_bar = false")
        return connection


def _close(connection: Any) -> None:
    with contextlib.suppress(*_ERRORS):
        connection.execute("ROLLBACK")
    connection.close()


def _storable(schema: Any) -> Any:
    """Give the schema without types of another database's making."""
    plainly = [
        field.with_type(field.type.storage_type)
        if isinstance(field.type, pa.BaseExtensionType) and field.type.extension_name != "arrow.uuid"
        else field
        for field in schema
    ]
    return pa.schema([field.with_metadata(None) for field in plainly])
