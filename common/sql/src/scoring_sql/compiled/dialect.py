"""Dialects: how each database writes numbers, texts and times, and how much of a statement it bears."""

import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

Write = Callable[[str], str]


@dataclass(frozen=True)
class Limits:
    """How large a statement may be; None where no limit is known that a forest could reach."""

    statement: int | None = None
    """Bytes of one statement."""
    columns: int = 1000
    """Columns of a result."""
    nesting: int | None = None
    """CASE expressions inside each other; deeper trees are written as a flat list of their leaves."""
    memory: int | None = None
    """Bytes of statement beyond which planning takes minutes or gigabytes: measured, not documented."""
    source: str = ""
    """Where the figures come from."""


@dataclass(frozen=True)
class Dialect:
    """One dialect. The functions take SQL expressions and give SQL expressions."""

    name: str
    label: str
    number: Callable[[float], str]
    """A typed double, exactly."""
    double: str
    """The type of a double."""
    limits: Limits
    bare: Callable[[float], str] | None = None
    """A double as it may stand beside one in a comparison, when that is shorter."""
    clean: Write | None = None
    """NaN to NULL, where the database has NaN."""
    barrier: str = ""
    """What keeps the planner from writing a sub-select's expressions into the one around it."""
    inline: str = ""
    """What stands between AS and a common table expression."""
    greatest: str = "GREATEST"
    truncate: Write = lambda x: f"TRUNC({x})"
    boolean: Write = lambda x: f"CASE WHEN {x} THEN 1 WHEN NOT {x} THEN 0 END"
    epoch: Write = lambda x: f"EXTRACT(EPOCH FROM {x})"
    text: Write = lambda x: f"TRIM({x})"
    quote: Write = field(default=lambda name: '"' + name.replace('"', '""') + '"')
    string: Write = field(default=lambda text: "'" + text.replace("'", "''") + "'")
    infinite: bool = True
    """Whether a double may be infinite."""
    checked: bool = False
    """Whether the exponential function fails where others give 0 or infinity."""
    run: bool = False
    """Whether the tests run this dialect on the database itself; the others are parsed only."""

    def literal(self, value: float) -> str:
        """Write a number for a comparison."""
        return (self.bare or self.number)(value)


def _exponent(value: float) -> str:
    text = repr(value)
    return text if "e" in text else f"{text}e0"


@cache
def _sqlite_scratch() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)


def _sqlite_number(value: float) -> str:
    # SQLite before 3.43 reads about one decimal in ten thousand a bit too high or low. Whole numbers below
    # 2**53 and powers of two are always read right, and their quotient is exact.
    if math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    if _sqlite_scratch().execute(f"SELECT {value!r}").fetchone()[0] == value:
        return repr(value)
    above, below = value.as_integer_ratio()
    return f"({above}.0/{below}.0)"


def _suffix(suffix: str, infinity: str) -> Callable[[float], str]:
    def write(value: float) -> str:
        if math.isinf(value):
            return infinity if value > 0 else f"-{infinity}"
        return f"{value!r}{suffix}"

    return write


def _called(function: str) -> Callable[[float], str]:
    def write(value: float) -> str:
        text = repr(value) if math.isfinite(value) else "Inf" if value > 0 else "-Inf"
        return f"{function}('{text}')"

    return write


def _quoted(kind: str) -> Callable[[float], str]:
    def write(value: float) -> str:
        text = repr(value) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
        return f"'{text}'::{kind}"

    return write


def _plain_quoted(value: float) -> str:
    text = repr(value) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
    return f"'{text}'"


def _cast(kind: str, words: tuple[str, str], plain: Callable[[float], str]) -> Callable[[float], str]:
    def write(value: float) -> str:
        if math.isinf(value):
            return f"CAST('{words[0] if value > 0 else words[1]}' AS {kind})"
        return plain(value)

    return write


def _backslashed(text: str) -> str:
    return (
        "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r") + "'"
    )


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _mysql_text(text: str) -> str:
    # Spelt in hexadecimal, the text does not depend on whether the server takes a backslash as an escape.
    return f"_utf8mb4 0x{text.encode().hex()}" if "\\" in text else "'" + text.replace("'", "''") + "'"


_SIGNED: Final = ("Infinity", "-Infinity")
_SHORT: Final = ("inf", "-inf")

DIALECTS: Final = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "postgres", "PostgreSQL 12 and later", _quoted("float8"), "double precision",
            Limits(columns=1600, memory=64_000_000, source="MaxTupleAttributeNumber; measured planning"),
            bare=_plain_quoted,
            clean=lambda x: f"NULLIF({x}, 'NaN'::float8)",
            barrier="OFFSET 0",
            boolean=lambda x: f"{x}::int",
            run=True, checked=True,
        ),
        Dialect(
            "duckdb", "DuckDB 1.3 and later", _cast("DOUBLE", _SHORT, _exponent), "DOUBLE",
            Limits(columns=10_000, nesting=200, memory=16_000_000, source="max_expression_depth; measured"),
            clean=lambda x: f"NULLIF({x}, 'NaN'::DOUBLE)",
            inline="NOT MATERIALIZED ",
            boolean=lambda x: f"{x}::INT",
            epoch=lambda x: f"EPOCH({x})",
            run=True,
        ),
        Dialect(
            "sqlite", "SQLite 3.35 and later, built with its mathematical functions", _sqlite_number, "REAL",
            Limits(1_000_000_000, 2000, 12, source="SQLITE_MAX_SQL_LENGTH, _COLUMN; parser stack of 100"),
            barrier="LIMIT -1 OFFSET 0",
            greatest="MAX",
            truncate=lambda x: f"CAST({x} AS INTEGER)",
            boolean=lambda x: x,
            epoch=lambda x: (
                f"CASE WHEN TYPEOF({x}) IN ('integer', 'real') THEN {x} "
                f"ELSE STRFTIME('%s', {x}) + (STRFTIME('%f', {x}) - STRFTIME('%S', {x})) END"
            ),
            run=True,
        ),
        Dialect(
            "mysql", "MySQL 8 and MariaDB 10.2 and later", _exponent, "DOUBLE",
            Limits(16_000_000, 4096, source="max_allowed_packet's default, the columns of a table"),
            barrier="LIMIT 18446744073709551615",
            truncate=lambda x: f"TRUNCATE({x}, 0)",
            boolean=lambda x: x,
            epoch=lambda x: f"TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {x}) / 1e6",
            text=lambda x: f"CONVERT(TRIM({x}) USING utf8mb4) COLLATE utf8mb4_bin",
            quote=_ticked, string=_mysql_text,
            infinite=False, run=True,
        ),
        Dialect(
            "bigquery", "BigQuery", _cast("FLOAT64", _SHORT, repr), "FLOAT64",
            Limits(1_000_000, 10_000, source="quotas: unresolved query length"),
            clean=lambda x: f"IF(IS_NAN({x}), NULL, {x})",
            boolean=lambda x: f"CAST({x} AS INT64)",
            epoch=lambda x: f"UNIX_MICROS(TIMESTAMP({x})) / 1e6",
            quote=_ticked, string=_backslashed, checked=True,
        ),
        Dialect(
            "snowflake", "Snowflake", _quoted("FLOAT"), "FLOAT",
            Limits(1_000_000, 2000, source="documentation: query text of 1 MB"),
            clean=lambda x: f"NULLIF({x}, 'NaN'::FLOAT)",
            boolean=lambda x: f"{x}::INT",
            epoch=lambda x: f"DATE_PART(EPOCH_MICROSECOND, {x}) / 1e6",
            string=_backslashed,
        ),
        Dialect(
            "redshift", "Amazon Redshift", _quoted("float8"), "double precision",
            Limits(16_000_000, 1600, source="documentation: statement of 16 MB"),
            bare=_plain_quoted,
            clean=lambda x: f"NULLIF({x}, 'NaN'::float8)",
            boolean=lambda x: f"{x}::int",
            string=_backslashed, checked=True,
        ),
        Dialect(
            "spark", "Spark SQL 3.4 and later", _suffix("D", "DOUBLE('Infinity')"), "DOUBLE",
            Limits(memory=500_000, source="generated code of 64 KB a method: measured, slow beyond"),
            clean=lambda x: f"NULLIF({x}, DOUBLE('NaN'))",
            truncate=lambda x: f"CAST({x} AS BIGINT)",
            boolean=lambda x: f"CAST({x} AS INT)",
            epoch=lambda x: f"UNIX_MICROS(CAST({x} AS TIMESTAMP)) / 1e6D",
            quote=_ticked, string=_backslashed,
        ),
        Dialect(
            "tsql", "SQL Server 2022", _exponent, "FLOAT",
            Limits(64_000_000, 4096, 9, source="batch of 65,536 packets; CASE nests 10 levels (message 125)"),
            truncate=lambda x: f"ROUND({x}, 0, 1)",
            boolean=lambda x: x,
            epoch=lambda x: f"DATEDIFF_BIG(MICROSECOND, '1970-01-01', {x}) / 1e6",
            text=lambda x: f"TRIM({x}) COLLATE Latin1_General_100_BIN2_UTF8",
            quote=lambda name: "[" + name.replace("]", "]]") + "]",
            string=lambda text: "N'" + text.replace("'", "''") + "'",
            infinite=False, checked=True,
        ),
        Dialect(
            "oracle", "Oracle Database 12.2 and later", _called("TO_BINARY_DOUBLE"),
            "BINARY_DOUBLE",
            Limits(16_000_000, 1000, source="columns of a table; statement length measured by others"),
            clean=lambda x: f"NANVL({x}, NULL)",
            boolean=lambda x: x,
            epoch=lambda x: f"(CAST({x} AS DATE) - DATE '1970-01-01') * 86400",
        ),
    )
}  # fmt: skip
"""All dialects by name."""
