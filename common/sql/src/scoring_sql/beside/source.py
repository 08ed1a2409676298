"""Sources: where rows come from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa


@dataclass(frozen=True)
class Wanted:
    """Columns of a query that a run reads, by the names that the query gives them."""

    keys: tuple[str, ...]
    include: tuple[str, ...]
    inputs: tuple[str, ...]
    numbers: frozenset[str]
    """Those of `inputs` whose field is a plain number."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them in order; a column may be there more than once."""
        return (*self.keys, *self.include, *self.inputs)


class Source(ABC):
    """A database that is read, and kept as it is."""

    dialect: str
    """What sqlglot calls its SQL."""
    ahead = True
    """Whether a chunk may be read while another is written."""

    @abstractmethod
    def columns(self, query: str) -> list[str]:
        """Name the columns of a query without running it; raises Problem."""

    @abstractmethod
    def rows(
        self,
        query: str,
        wanted: Wanted,
        after: Sequence[Any] | None,
        chunk_rows: int,
        most: int | None = None,
    ) -> Iterator[Any]:
        """Give the rows after a key in the order of the key, as pyarrow tables of `chunk_rows` rows.

        The columns of the tables are `wanted.names` in order. There is at least one, if an empty one.
        `most` is the number of rows at most.
        """

    @abstractmethod
    def everything(self, table: Sequence[str]) -> Any:
        """Give all of a table, whose name has these parts, as a pyarrow table or reader."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def quoted(name: str) -> str:
    """Write a name as an identifier of standard SQL."""
    return '"' + name.replace('"', '""') + '"'


def instead(columns: Sequence[str], keys: Sequence[str]) -> str:
    """Write the end of an INSERT that changes the rows whose keys are there already."""
    changes = ", ".join(f"{quoted(one)} = excluded.{quoted(one)}" for one in columns if one not in keys)
    return f" ON CONFLICT ({', '.join(map(quoted, keys))}) DO UPDATE SET {changes}"


def literal(text: str) -> str:
    """Write a text as a literal of standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def chunked(reader: Any, names: Sequence[str], chunk_rows: int) -> Iterator[Any]:
    """Put batches together to tables of `chunk_rows` rows; the last may be shorter, and empty if alone."""
    waiting: list[Any] = []
    rows, given = 0, False
    for batch in reader:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= chunk_rows:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, chunk_rows).combine_chunks().rename_columns(list(names))
            waiting, rows, given = table.slice(chunk_rows).to_batches(), rows - chunk_rows, True
    if rows or not given:
        yield pa.Table.from_batches(waiting, reader.schema).combine_chunks().rename_columns(list(names))
