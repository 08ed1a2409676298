# ruff: noqa: S608 -- names and values are quoted; the query is the user's own, checked and run read only
"""Other databases, by SQLAlchemy and whichever driver is installed: MySQL, MariaDB, Oracle and so on."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from scoring import Problem

from scoring_sql.beside import cursor
from scoring_sql.beside.address import Address
from scoring_sql.beside.fault import told
from scoring_sql.beside.job import Name
from scoring_sql.beside.source import Source, Wanted
from scoring_sql.beside.target import Target

_DIALECTS: Final = {"mariadb": "mysql", "mssql": "tsql", "cockroachdb": "postgres"}
_MYSQL: Final = ("mysql", "mariadb")
_READ_ONLY: Final = dict.fromkeys(_MYSQL, "SET SESSION TRANSACTION READ ONLY")
_KEY_LENGTH: Final = 255  # characters of a text in a key: MySQL indexes no longer ones without being told


class _Engine:
    """What source and target share."""

    def __init__(self, address: Address) -> None:
        try:
            import sqlalchemy
        except ImportError:
            raise Problem(
                "driver_missing",
                501,
                f"{address.label} is reached by SQLAlchemy, which is not installed.",
                "Install it with the driver of the database: pip install 'scoring-sql[sqlalchemy]' pymysql.",
            ) from None
        self.sa = sqlalchemy
        self.errors = (sqlalchemy.exc.SQLAlchemyError, OSError)
        self.address = address
        try:
            self.engine = sqlalchemy.create_engine(address.place, poolclass=sqlalchemy.pool.NullPool)
        except (ImportError, sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
            detail = f"{address.label} cannot be used: {address.clean(str(error))}."
            raise Problem(
                "driver_missing", 501, detail, "Install the driver that SQLAlchemy names."
            ) from None
        self.quote = self.engine.dialect.identifier_preparer.quote_identifier
        with told(address, "connect", *self.errors):
            self.connection = self.engine.connect()

    @property
    def name(self) -> str:
        name: str = self.engine.dialect.name
        return name

    def run(self, statement: str, doing: str = "run a statement") -> Any:
        """Run a statement as it is."""
        with told(self.address, doing, *self.errors):
            return self.connection.execute(self.text(statement))

    def text(self, statement: str) -> Any:
        """Give a statement in which a colon and a percent sign mean nothing."""
        return self.sa.text(statement.replace(":", "\\:"))

    def close(self) -> None:
        with contextlib.suppress(*self.errors):
            self.connection.rollback()
        with contextlib.suppress(*self.errors):
            self.connection.close()
        self.engine.dispose()


class AlchemySource(Source):
    """Reads a chunk at a time, in read-only transactions where the database has them."""

    def __init__(self, address: Address) -> None:
        self._engine = _Engine(address)
        self.dialect = _DIALECTS.get(self._engine.name, self._engine.name)
        if (statement := _READ_ONLY.get(self._engine.name)) is not None:
            self._engine.run(statement)
            self._engine.connection.rollback()

    def columns(self, query: str) -> list[str]:
        """Name the columns of a query."""
        found = self._engine.run(f"SELECT * FROM (\n{query}\n) scoring_source WHERE 1 = 0", "read the query")
        return list(found.keys())

    def rows(
        self,
        query: str,
        wanted: Wanted,
        after: Sequence[Any] | None,
        chunk_rows: int,
        most: int | None = None,
    ) -> Iterator[Any]:
        """Give the rows after a key."""
        sa, engine = self._engine.sa, self._engine
        keys = [sa.column(sa.quoted_name(name, quote=True)) for name in wanted.keys]
        chosen = [
            sa.column(sa.quoted_name(name, quote=True)).label(f"c{place}")
            for place, name in enumerate(wanted.names)
        ]
        source = engine.text(f"(\n{query}\n) scoring_source")

        def fetch(behind: Sequence[Any] | None, size: int) -> Sequence[Sequence[Any]]:
            statement = sa.select(*chosen).select_from(source).order_by(*keys).limit(size)
            if behind is not None:
                later = keys[-1] > behind[-1]
                for column, value in zip(reversed(keys[:-1]), reversed(behind[:-1]), strict=True):
                    later = sa.and_(column >= value, sa.or_(column > value, sa.and_(column == value, later)))
                statement = statement.where(later)
            with told(engine.address, "read the query", *engine.errors):
                found = engine.connection.execute(statement).fetchall()
                engine.connection.rollback()  # no transaction stays open while the rows are scored
                return list(found)

        return cursor.chunks(fetch, wanted, after, chunk_rows, most)

    def everything(self, table: Sequence[str]) -> Any:
        """Give a table as a pyarrow table."""
        found = self._engine.run(
            f"SELECT * FROM {'.'.join(map(self._engine.quote, table))}", "read the table"
        )
        names = list(found.keys())
        rows = found.fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table([cursor.array(column, True) for column in columns], names)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.close()


class AlchemyTarget(Target):
    """Writes with INSERT statements of many rows."""

    def __init__(self, address: Address) -> None:
        self._engine = _Engine(address)
        self._sa = self._engine.sa
        if self._engine.name in _MYSQL:
            # Then a backslash in a text is one, as in every other database.
            self._engine.run("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
            self.guarantee += ", given tables of InnoDB"

    def existing(self, name: Name) -> dict[str, str] | None:
        """Return the columns of a table with their types."""
        with self._told():
            inspector = self._sa.inspect(self._engine.connection)
            if not inspector.has_table(name.parts[-1], schema=_schema(name)):
                return None
            return {
                one["name"]: str(one["type"]) for one in inspector.get_columns(name.parts[-1], _schema(name))
            }

    def unique(self, name: Name, keys: Sequence[str]) -> bool:
        """Tell whether a table has a unique index of just these columns."""
        with self._told():
            inspector = self._sa.inspect(self._engine.connection)
            table, schema = name.parts[-1], _schema(name)
            found = [set(inspector.get_pk_constraint(table, schema)["constrained_columns"])]
            found += [
                set(one["column_names"]) for one in inspector.get_indexes(table, schema) if one["unique"]
            ]
            return set(keys) in found

    def create(self, name: Name, schema: Any, keys: Sequence[str]) -> None:
        """Create a table."""
        columns = [
            self._sa.Column(
                field.name,
                self._type(field.type, field.name in self.job.keys),
                primary_key=field.name in keys,
                autoincrement=False,
                quote=True,
            )
            for field in schema
        ]  # fmt: skip
        options = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB"}
        table = self._sa.Table(
            name.parts[-1], self._sa.MetaData(), *columns, schema=_schema(name), quote=True, **options
        )
        with self._told():
            table.create(self._engine.connection)

    def load(self, name: Name, rows: Any) -> None:
        """Add the rows of a table."""
        self._insert(self._table(name, rows.schema).insert(), rows)

    def upsert(self, name: Name, rows: Any, keys: Sequence[str]) -> None:
        """Add the rows of a table, or change those that are there."""
        table = self._table(name, rows.schema)
        others = [column for column in rows.schema.names if column not in keys]
        if self._engine.name in _MYSQL:
            from sqlalchemy.dialects import mysql

            insert = mysql.insert(table)
            self._insert(insert.on_duplicate_key_update({one: insert.inserted[one] for one in others}), rows)
            return
        same = self._sa.and_(
            *(table.c[key] == self._sa.bindparam(f"k{place}") for place, key in enumerate(keys))
        )
        held = [
            {f"k{place}": row[key] for place, key in enumerate(keys)}
            for row in rows.select(list(keys)).to_pylist()
        ]
        with self._told():
            self._engine.connection.execute(table.delete().where(same), held)
        self._insert(table.insert(), rows)

    def run(self, statement: str) -> None:
        """Run a statement."""
        self._engine.run(statement, f"write {self.job.table}")

    def change(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        return int(self._engine.run(statement, f"write {self.job.table}").rowcount)

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self._engine.run(query, f"write {self.job.table}").fetchall()]

    def commit(self) -> None:
        """End the transaction."""
        with self._told():
            self._engine.connection.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        with contextlib.suppress(*self._engine.errors):
            self._engine.connection.rollback()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.close()

    def name(self, name: str) -> str:
        """Write a name."""
        return str(self._engine.quote(name))

    def _table(self, name: Name, schema: Any) -> Any:
        quoted = self._sa.quoted_name
        columns = (
            self._sa.column(quoted(field.name, True), self._type(field.type, False)) for field in schema
        )
        return self._sa.table(quoted(name.parts[-1], True), *columns, schema=_schema(name))

    def _insert(self, statement: Any, rows: Any) -> None:
        with self._told():
            self._engine.connection.execute(statement, _rows(rows))

    def _type(self, kind: Any, key: bool) -> Any:
        sa = self._sa
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type if kind.extension_name != "arrow.uuid" else pa.string()
        if pa.types.is_boolean(kind):
            return sa.Boolean()
        if pa.types.is_integer(kind):
            return sa.BigInteger()
        if pa.types.is_floating(kind):
            return sa.Double()
        if pa.types.is_decimal(kind):
            return sa.Numeric(kind.precision, kind.scale)
        if pa.types.is_timestamp(kind):
            if self._engine.name in _MYSQL:
                from sqlalchemy.dialects import mysql

                return mysql.DATETIME(fsp=6)
            return sa.DateTime(timezone=kind.tz is not None)
        if pa.types.is_date(kind):
            return sa.Date()
        if pa.types.is_binary(kind):
            return sa.LargeBinary(_KEY_LENGTH if key else None)
        return sa.String(_KEY_LENGTH) if key else sa.Text()

    def _told(self) -> Any:
        return told(self._engine.address, f"write {self.job.table}", *self._engine.errors)


def _schema(name: Name) -> str | None:
    return name.parts[-2] if len(name.parts) > 1 else None


def _rows(rows: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.to_pylist()
    return found
