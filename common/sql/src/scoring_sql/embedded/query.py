"""Queries in DuckDB with the functions of a scorer, and where their rows go."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TextIO

import duckdb
import pyarrow as pa
import pyarrow.csv
from scoring import Problem, Scorer
from scoring.draft import drafted
from scoring.schema import did_you_mean

from scoring_sql.embedded.attached import attach
from scoring_sql.embedded.extension import load_mentioned
from scoring_sql.embedded.fault import told
from scoring_sql.embedded.macro import quoted
from scoring_sql.embedded.registration import register, unregister

BATCH_ROWS: Final = 20_000
FORMATS: Final = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow",
                  ".ndjson": "json", ".jsonl": "json"}  # fmt: skip
SHOWN: Final = 40
"""Rows that a table on a terminal has."""


class Session:
    """A DuckDB in memory that knows a scorer; a context manager.

    Args:
        scorer: what `score` and its relatives answer from.
        attached: other databases by the name that queries call them.
        threads: threads of DuckDB, 0 for all cores.
    """

    def __init__(self, scorer: Scorer, attached: Mapping[str, str] | None = None, threads: int = 0) -> None:
        self.notes: list[str] = []
        """What the user should know about how it is done."""
        self._scorer = scorer
        self._attached = dict(attached or {})
        # An extension is loaded if it is there; nothing is downloaded unless the query says INSTALL.
        settings: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
        if threads:
            settings["threads"] = threads
        self._connection = duckdb.connect(":memory:", config=settings)
        self._connection.execute("SET enable_progress_bar = false")  # it would be printed among the rows
        register(self._connection, scorer)

    def run(self, sql: str) -> "Result | None":
        """Run statements; return the rows of the last one, None if it gives none. Raises Problem."""
        with told(self._scorer):
            statements = duckdb.extract_statements(sql)
            if not statements:
                raise Problem("query_refused", 422, "The query is empty.", "Give a SELECT.")
            load_mentioned(self._connection, sql)
            self.notes += attach(self._connection, self._attached, sql)
            for statement in statements[:-1]:
                self._connection.execute(statement)
            last = statements[-1]
            if last.type != duckdb.StatementType.SELECT:
                self._connection.execute(last)
                return None
            relation = self._connection.sql(last.query)
            return None if relation is None else Result(relation, self._scorer)

    def close(self) -> None:
        """Let go of everything."""
        unregister(self._connection)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Result:
    """The rows of a query, which runs when they are written."""

    def __init__(self, relation: Any, scorer: Scorer) -> None:
        self._relation = relation
        self._scorer = scorer

    def write(self, path: Path) -> None:
        """Write a file by its extension, whole or not at all.

        CSV has a column for each member of a struct; Parquet, Arrow and NDJSON keep structs.
        """
        kind = FORMATS.get(path.suffix.lower())
        if kind is None:
            hint = did_you_mean(path.suffix, FORMATS) or f"The extensions are {', '.join(FORMATS)}."
            raise Problem("unknown_format", 422, f"The extension of {str(path)!r} names no format.", hint)
        with drafted(path) as draft, told(self._scorer):
            if kind == "parquet":
                self._relation.write_parquet(str(draft), compression="zstd")
            elif kind in ("csv", "tsv"):
                self._flat().write_csv(str(draft), header=True, sep="," if kind == "csv" else "\t")
            elif kind == "json":
                with draft.open("w", encoding="utf-8") as stream:
                    self._lines(stream)
            else:
                self._arrow(draft)

    def show(self, stream: TextIO, kind: str) -> None:
        """Print rows: `csv`, `json` (a line each) or `table` (the first ones, aligned)."""
        with told(self._scorer):
            if kind == "json":
                self._lines(stream)
            elif kind == "csv":
                with self._batches(self._flat()) as reader:
                    options = pa.csv.WriteOptions(include_header=True, quoting_style="needed")
                    for batch in reader:
                        sink = pa.BufferOutputStream()
                        pa.csv.write_csv(batch, sink, options)
                        stream.write(sink.getvalue().to_pybytes().decode())
                        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
            else:
                for line in self._table():
                    stream.write(line + "\n")

    def _flat(self) -> Any:
        """Give a column for each member of a struct."""
        relation = self._relation
        parts = []
        for name, kind in zip(relation.columns, relation.types, strict=True):
            nested = str(kind).startswith("STRUCT(") and not str(kind).endswith("[]")
            parts.append(f"unnest({quoted(name)})" if nested else quoted(name))
        return relation.project(", ".join(parts))

    def _arrow(self, path: Path) -> None:
        with (
            self._batches(self._relation) as reader,
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, reader.schema) as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)

    def _lines(self, stream: TextIO) -> None:
        with self._batches(self._relation) as reader:
            for batch in reader:
                for row in batch.to_pylist():
                    stream.write(json.dumps(_finite(row), ensure_ascii=False, default=str) + "\n")

    def _table(self) -> Iterator[str]:
        relation = self._flat().limit(SHOWN + 1)
        rows = [[_cell(value) for value in row] for row in zip(*_columns(relation), strict=True)]
        shown = [list(relation.columns), *rows[:SHOWN]]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for row in shown:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if len(rows) > SHOWN:
            yield f"... more than {SHOWN} rows; all of them with -o FILE or --format csv"

    @staticmethod
    def _batches(relation: Any) -> Any:
        return relation.to_arrow_reader(BATCH_ROWS)


def _columns(relation: Any) -> list[list[Any]]:
    return [column.to_pylist() for column in relation.to_arrow_table().columns]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _finite(value: Any) -> Any:
    """Give a value that JSON can say: NaN and the infinities are null."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and value - value != 0 else value
