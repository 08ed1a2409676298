"""Answering: chunks of a query in, what is written of them out."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from scoring import Problem, Scorer

from scoring_sql.answer import Answer
from scoring_sql.beside import key
from scoring_sql.beside.job import Job
from scoring_sql.beside.source import Wanted
from scoring_sql.cells import Columns, Unread


class Answering:
    """Turns chunks of a query into what is written."""

    def __init__(self, scorer: Scorer, job: Job, wanted: Wanted, threads: int = 0) -> None:
        self._answer = Answer(scorer, job.contributions)
        self._columns = Columns(scorer.schema)
        self._keys = wanted.keys
        self._copied = len(wanted.keys) + len(wanted.include)
        self._threads = threads
        self.names = [*wanted.keys, *wanted.include, *self._answer.names]
        self.last: Sequence[Any] | None = None
        """The last key so far."""
        folded = [name.casefold() for name in self.names]
        for name in self.names:
            if folded.count(name.casefold()) > 1:
                raise Problem(
                    "duplicate_field",
                    422,
                    f"The column {name!r} would be in the table twice.",
                    "Leave it out of --include, or rename it in the query.",
                )

    def answer(self, chunk: Any) -> tuple[Any, list[Any] | None]:
        """Return the table to write, and the key of its last row (None without rows)."""
        columns = [_single(column) for column in chunk.columns]
        last = key.check(columns[: len(self._keys)], self._keys, self.last)
        batch, unread = self._columns.batch(columns[self._copied :])
        if unread:
            raise self._refused(unread, columns)
        scores = self._answer.columns(batch, self._threads)
        copied = [chunk.schema.field(position) for position in range(self._copied)]
        fields = [*copied, *(pa.field(name, pa.float64()) for name in self._answer.names)]
        table = pa.Table.from_arrays([*columns[: self._copied], *scores], schema=pa.schema(fields))
        self.last = self.last if last is None else last
        return table, last

    def _refused(self, unread: list[Unread], columns: list[Any]) -> Problem:
        errors = []
        for one in unread:
            held = ", ".join(
                f"{name} {key.plain(column[one.row].as_py())}"
                for name, column in zip(self._keys, columns, strict=False)
            )
            detail = f"In the row with {held}: {one.detail}."
            errors.append({"code": "invalid_rows", "field": one.field, "detail": detail, "hint": one.hint})
        first = errors[0]
        return Problem(
            "invalid_rows",
            422,
            f"The query gives rows that cannot be scored. Field {first['field']!r}: {first['detail']}",
            "Cast or clean the column in the query, or leave such rows out.",
            errors,
        )


def _single(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
