# ruff: noqa: S608 -- names and values are quoted; the query is the user's own, checked and run read only
"""Targets: where scores go, chunk by chunk, each with its checkpoint in one transaction."""

import datetime
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Self

from scoring import Problem
from scoring.schema import did_you_mean

from scoring_sql.beside.checkpoint import COLUMNS, FINISHED, RUNNING, TABLE, Checkpoint
from scoring_sql.beside.job import OVERWRITE, UPSERT, Job, Name
from scoring_sql.beside.source import literal, quoted


class Target(ABC):
    """A database that is written. What differs between databases is below; what a job does is here."""

    guarantee = "each row is written exactly once: scores and checkpoint are committed together"
    """What a resumed run promises."""
    clearing = "DELETE FROM"
    """How a table is emptied within a transaction."""

    def open(self, job: Job, digest: str, source: str) -> None:
        """Begin to work on a job."""
        self.job = job
        self.id = job.id(digest, source)
        self._digest = digest
        self._run = uuid.uuid4().hex
        self._rows = 0
        self._jobs = job.table.beside(TABLE)
        self._staged = job.table.beside(f"scoring_staged_{self.id}")
        self._into = self._staged if job.mode == OVERWRITE else job.table

    def checkpoint(self) -> Checkpoint | None:
        """Return how far an earlier run of the job came."""
        if self.existing(self._jobs) is None:
            return None
        mine = f"job = {self.value(self.id)}"
        found = self.fetch(f"SELECT state, done, last_key FROM {self.sql(self._jobs)} WHERE {mine}")
        self.commit()
        if not found or (found[0][0] == RUNNING and self.existing(self._into) is None):
            return None
        state, rows, last = found[0]
        return Checkpoint(str(state), int(rows), None if last is None else str(last))

    def claim(self) -> Checkpoint | None:
        """Take the job over from any run that still works on it, then return how far it came.

        The order matters: the other run can commit nothing more once this has been committed.
        """
        self._claimed = False
        if self.existing(self._jobs) is not None:
            mine = f"job = {self.value(self.id)}"
            taken = self.change(
                f"UPDATE {self.sql(self._jobs)} SET run = {self.value(self._run)} WHERE {mine}"
            )
            self._claimed = taken == 1
            self.commit()
        return self.checkpoint()

    def check(self, names: Sequence[str]) -> None:
        """See that the table, if it is there, has the columns; for an upsert also that its key is unique."""
        there = self.existing(self.job.table)
        if there is None:
            return
        for name in names:
            if name not in there:
                raise Problem(
                    "missing_field",
                    422,
                    f"The table {self.job.table} has no column {name!r}.",
                    did_you_mean(name, there) or "Add the column, or name another table with --into.",
                )
        if self.job.mode == UPSERT and not self.unique(self.job.table, self.job.keys):
            raise Problem(
                "no_unique_key",
                422,
                f"The table {self.job.table} has no unique index on {', '.join(self.job.keys)}.",
                "Create one, so that rows can be found again: an upsert needs it.",
            )

    def prepare(self, schema: Any, checkpoint: Checkpoint | None) -> None:
        """Make the tables that are not there; begin anew, or go on from a checkpoint.

        `schema` is the pyarrow schema of what `write` gets.
        """
        self.schema = schema
        self.check(schema.names)
        self.run(f"CREATE TABLE IF NOT EXISTS {self.sql(self._jobs)} ({COLUMNS})")
        if self.job.mode == OVERWRITE:
            if checkpoint is None or checkpoint.state == FINISHED:
                self.run(f"DROP TABLE IF EXISTS {self.sql(self._staged)}")
            checkpoint = None if checkpoint and checkpoint.state == FINISHED else checkpoint
        self._types = self.existing(self._into) or {}
        if not self._types:
            self.create(self._into, schema, self.job.keys if self.job.mode != OVERWRITE else ())
            self._types = self.existing(self._into) or {}
        self._rows = 0 if checkpoint is None else checkpoint.rows
        mine = f"job = {self.value(self.id)} AND run = {self.value(self._run)}"
        if self.change(f"DELETE FROM {self.sql(self._jobs)} WHERE {mine}") != self._claimed:
            self.rollback()
            raise self._taken()
        last = None if checkpoint is None else checkpoint.last_key
        row = (self.id, self._digest, str(self.job.table)[:512], self._run, RUNNING, self._rows, last, _now())
        self.run(
            f"INSERT INTO {self.sql(self._jobs)} "
            "(job, pipeline, target, run, state, done, last_key, changed) "
            f"VALUES ({', '.join(map(self.value, row))})"
        )
        self.commit()

    def write(self, rows: Any, last_key: str) -> None:
        """Write a chunk, a pyarrow table, and its checkpoint in one transaction."""
        try:
            if self.job.mode == UPSERT:
                self.upsert(self._into, rows, self.job.keys)
            else:
                self.load(self._into, rows)
            self._note(RUNNING, self._rows + rows.num_rows, last_key)
            self.commit()
        except BaseException:
            self.rollback()
            raise
        self._rows += rows.num_rows

    def finish(self) -> None:
        """Put staged rows in the place of the table's, if that is the mode, and note the end of the job."""
        try:
            self._note(FINISHED, self._rows, None)
            if self.job.mode == OVERWRITE:
                self.swap(self._staged, self.job.table)
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def swap(self, staged: Name, table: Name) -> None:
        """Put the staged rows in the place of a table's rows.

        The table stays the same one, with its indexes, grants, views and triggers.
        """
        if self.existing(table) is None:
            self.create(table, self.schema, self.job.keys)
        names = ", ".join(map(self.name, self.schema.names))
        self.run(f"{self.clearing} {self.sql(table)}")
        self.run(f"INSERT INTO {self.sql(table)} ({names}) SELECT {names} FROM {self.sql(staged)}")
        self.run(f"DROP TABLE {self.sql(staged)}")

    def _note(self, state: str, rows: int, last: str | None) -> None:
        """Move the checkpoint on, unless another run has taken the job over."""
        moved = "" if last is None else f", last_key = {self.value(last)}"
        changed = self.change(
            f"UPDATE {self.sql(self._jobs)} SET state = {self.value(state)}, done = {rows}, "
            f"changed = {self.value(_now())}{moved} "
            f"WHERE job = {self.value(self.id)} AND run = {self.value(self._run)}"
        )
        if changed != 1:
            raise self._taken()

    def _taken(self) -> Problem:
        detail = f"Another run has taken over the job that writes {self.job.table}; this one stops."
        return Problem("another_run", 409, detail, "Let that one end.")

    def sql(self, name: Name) -> str:
        """Write the name of a table."""
        return ".".join(map(self.name, name.parts))

    def name(self, name: str) -> str:
        """Write a name."""
        return quoted(name)

    def value(self, value: str | int | None) -> str:
        """Write a value."""
        if value is None:
            return "NULL"
        return str(value) if isinstance(value, int) else literal(value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def existing(self, name: Name) -> dict[str, str] | None:
        """Return the columns of a table with their types; None if there is no such table."""

    @abstractmethod
    def unique(self, name: Name, keys: Sequence[str]) -> bool:
        """Tell whether a table has a unique index of just these columns."""

    @abstractmethod
    def create(self, name: Name, schema: Any, keys: Sequence[str]) -> None:
        """Create a table for a pyarrow schema, with a primary key unless `keys` is empty."""

    def define(self, name: Name, columns: Iterable[tuple[str, str]], keys: Sequence[str]) -> None:
        """Create a table of columns with types of the database's own, for `create`."""
        parts = [f"{quoted(column)} {kind}" for column, kind in columns]
        if keys:
            parts.append(f"PRIMARY KEY ({', '.join(map(quoted, keys))})")
        self.run(f"CREATE TABLE {self.sql(name)} ({', '.join(parts)})")

    @abstractmethod
    def load(self, name: Name, rows: Any) -> None:
        """Add the rows of a pyarrow table."""

    @abstractmethod
    def upsert(self, name: Name, rows: Any, keys: Sequence[str]) -> None:
        """Add the rows of a pyarrow table, or change those that are there."""

    @abstractmethod
    def run(self, statement: str) -> None:
        """Run a statement."""

    @abstractmethod
    def change(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""

    @abstractmethod
    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    @abstractmethod
    def commit(self) -> None:
        """End the transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the transaction, whatever state the connection is in."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
