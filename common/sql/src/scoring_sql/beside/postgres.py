# ruff: noqa: S608 -- names and values are quoted; the query is the user's own, checked and run read only
"""PostgreSQL: rows come and go by binary COPY, as Arrow."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc  # type: ignore[import-untyped]
import pyarrow as pa
from scoring import Problem

from scoring_sql.beside import key
from scoring_sql.beside.address import Address
from scoring_sql.beside.fault import told
from scoring_sql.beside.job import Name
from scoring_sql.beside.source import Source, Wanted, chunked, instead, literal, quoted
from scoring_sql.beside.target import Target

_BATCH_BYTES: Final = "4194304"
_STAGE: Final = "scoring_stage"
_ERRORS: Final = (adbc_driver_manager.Error, OSError, pa.ArrowInvalid)
_KNOWN: Final = {
    **{
        name: name
        for name in ("numeric", "text", "bytea", "date", "time", "timestamp", "timestamptz", "uuid")
    },
    **{name: name for name in ("json", "jsonb", "inet", "interval")},
    **dict.fromkeys(("varchar", "bpchar", "name"), "text"),
    **{"int2": "smallint", "int4": "integer", "int8": "bigint", "bool": "boolean"},
    **{"float4": "real", "float8": "double precision"},
}
"""Types that a column keeps; others become what their Arrow type is."""

_TEXTS: Final = ("text", "character varying", "character")
_SAME: Final = {"timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone"}


class PostgresSource(Source):
    """Reads in one read-only transaction: one query, one snapshot."""

    dialect = "postgres"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = _connect(address)
        with self._connection.cursor() as cursor, self._told("read"):
            cursor.execute("SET TRANSACTION READ ONLY")

    def columns(self, query: str) -> list[str]:
        """Name the columns of a query."""
        self._schema = self._described(query)
        return list(self._schema.names)

    def rows(
        self,
        query: str,
        wanted: Wanted,
        after: Sequence[Any] | None,
        chunk_rows: int,
        most: int | None = None,
    ) -> Iterator[Any]:
        """Give the rows after a key as they come."""
        chosen = [f"{quoted(name)} AS k{i}" for i, name in enumerate(wanted.keys)]
        chosen += [f"{quoted(name)} AS i{i}" for i, name in enumerate(wanted.include)]
        chosen += [f"{self._input(name, wanted)} AS x{i}" for i, name in enumerate(wanted.inputs)]
        keys = ", ".join(map(quoted, wanted.keys))
        text = f"SELECT {', '.join(chosen)} FROM (\n{query}\n) AS scoring_source"
        if after is not None:
            text += f" WHERE ({keys}) > ({', '.join(literal(key.plain(value)) for value in after)})"
        text += f" ORDER BY {keys}" + ("" if most is None else f" LIMIT {most}")
        with self._connection.cursor() as cursor, self._told("read the query"):
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
            cursor.execute(text)
            with cursor.fetch_record_batch() as reader:
                yield from chunked(reader, wanted.names, chunk_rows)

    def everything(self, table: Sequence[str]) -> Any:
        """Give all of a table as a reader."""
        query = f"SELECT * FROM {'.'.join(map(quoted, table))}"
        names = []
        for field in self._described(query):
            exact = _type(field) == "numeric"
            names.append(f"{quoted(field.name)}::double precision" if exact else quoted(field.name))
        cursor = self._connection.cursor()
        with self._told("read the table"):
            cursor.execute(f"SELECT {', '.join(names)} FROM {'.'.join(map(quoted, table))}")
            return cursor.fetch_record_batch()

    def close(self) -> None:
        """Let go of the database."""
        _close(self._connection)

    def _input(self, name: str, wanted: Wanted) -> str:
        exact = _type(self._schema.field(name)) == "numeric" and name in wanted.numbers
        return f"CAST({quoted(name)} AS double precision)" if exact else quoted(name)

    def _described(self, query: str) -> Any:
        with self._connection.cursor() as cursor, self._told("read the query"):
            return cursor.adbc_execute_schema(query)

    def _told(self, doing: str) -> Any:
        return told(self._address, doing, *_ERRORS)


class PostgresTarget(Target):
    """Writes by COPY: into the table where its types are those of what comes, else by a temporary one."""

    clearing = "TRUNCATE"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = _connect(address)
        self._stages = False
        self._types: dict[str, str] = {}

    def existing(self, name: Name) -> dict[str, str] | None:
        """Return the columns of a table with their types."""
        place = literal(self.sql(name))
        found = self.fetch(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute "
            f"WHERE attrelid = to_regclass({place}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        return dict(found) or None

    def unique(self, name: Name, keys: Sequence[str]) -> bool:
        """Tell whether a table has a unique index of just these columns."""
        found = self.fetch(
            "SELECT i.indexrelid::bigint, a.attname::text FROM pg_index i JOIN pg_attribute a "
            "ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[]) "
            f"WHERE i.indrelid = to_regclass({literal(self.sql(name))}) AND i.indisunique "
            "AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = i.indnatts"
        )
        indexes: dict[int, set[str]] = {}
        for index, column in found:
            indexes.setdefault(index, set()).add(column)
        return set(keys) in indexes.values()

    def create(self, name: Name, schema: Any, keys: Sequence[str]) -> None:
        """Create a table."""
        self.define(name, [(field.name, _type(field)) for field in schema], keys)

    def load(self, name: Name, rows: Any) -> None:
        """Add the rows of a table."""
        if all(self._takes(field) for field in rows.schema):
            *schema, table = name.parts
            self._ingest(table, rows, db_schema_name=schema[-1] if schema else None)
        else:
            self._stage(rows)
            self.run(self._from_stage(name, rows.schema))

    def upsert(self, name: Name, rows: Any, keys: Sequence[str]) -> None:
        """Add the rows of a table, or change those that are there."""
        self._stage(rows)
        self.run(f"{self._from_stage(name, rows.schema)}{instead(rows.schema.names, keys)}")

    def run(self, statement: str) -> None:
        """Run a statement."""
        with self._connection.cursor() as cursor, self._told():
            cursor.execute(statement)

    def change(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        return len(self.fetch(f"{statement} RETURNING 1"))

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._connection.cursor() as cursor, self._told():
            cursor.execute(query)
            return list(cursor.fetchall())

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
        _close(self._connection)

    def _takes(self, field: Any) -> bool:
        """Tell whether COPY of the Arrow type is what the column reads."""
        column = re.sub(r"\(.*\)", "", self._types[field.name])
        given = _arrow_type(field.type)
        return column == _SAME.get(given, given) or (given == "text" and column in _TEXTS)

    def _stage(self, rows: Any) -> None:
        if not self._stages:
            parts = ", ".join(f"{quoted(field.name)} {_arrow_type(field.type)}" for field in rows.schema)
            self.run(f"CREATE TEMPORARY TABLE {_STAGE} ({parts}) ON COMMIT DELETE ROWS")
            self._stages = True
        self._ingest(_STAGE, rows, temporary=True)

    def _from_stage(self, name: Name, schema: Any) -> str:
        names = ", ".join(map(quoted, schema.names))
        casts = ", ".join(f"CAST({quoted(column)} AS {self._types[column]})" for column in schema.names)
        return f"INSERT INTO {self.sql(name)} ({names}) SELECT {casts} FROM pg_temp.{_STAGE}"

    def _ingest(self, table: str, rows: Any, **where: Any) -> None:
        with self._connection.cursor() as cursor, self._told():
            cursor.adbc_ingest(table, rows, mode="append", **where)

    def _told(self) -> Any:
        return told(self._address, f"write {self.job.table}", *_ERRORS)


def _connect(address: Address) -> Any:
    with told(address, "connect", *_ERRORS):
        connection = adbc.connect(address.place)
        with connection.cursor() as cursor:
            cursor.execute("SET standard_conforming_strings = on")
            cursor.execute("SET application_name = 'scoring'")
        connection.commit()
        return connection


def _close(connection: Any) -> None:
    with contextlib.suppress(*_ERRORS):
        connection.rollback()
    with contextlib.suppress(*_ERRORS):
        connection.close()


def _type(field: Any) -> str:
    """Return the type of a column for an Arrow field: what it was in PostgreSQL, if it comes from there."""
    given = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    return _KNOWN.get(given) or _arrow_type(field.type)


def _arrow_type(kind: Any) -> str:
    """Return the type whose binary form COPY sends for an Arrow type."""
    if isinstance(kind, pa.BaseExtensionType):
        return "uuid" if kind.extension_name == "arrow.uuid" else _arrow_type(kind.storage_type)
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_decimal(kind):
        return "numeric"
    for known, name in _ARROW.items():
        if kind == known:
            return name
    if pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return "text"
    raise Problem(
        "unsupported",
        501,
        f"A column of the type {kind} cannot be written.",
        "Cast it in the query, or leave it out.",
    )


_ARROW: Final = {
    pa.int8(): "smallint", pa.int16(): "smallint", pa.int32(): "integer", pa.int64(): "bigint",
    pa.uint8(): "smallint", pa.uint16(): "integer", pa.uint32(): "bigint",
    pa.float32(): "real", pa.float64(): "double precision", pa.bool_(): "boolean", pa.string(): "text",
    pa.binary(): "bytea", pa.date32(): "date", pa.time64("us"): "time",
}  # fmt: skip
