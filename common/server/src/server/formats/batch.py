"""Batches: some thousand rows of a body at a time, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from scoring._engine import Matrix
from scoring.columns import Columns
from scoring.fault import Faults


class Batch(ABC):
    """Rows that came together."""

    count: int
    """How many rows there are; certain once `values` has been called."""

    @abstractmethod
    def values(self, columns: Columns, faults: Faults, start: int) -> Matrix:
        """Return the doubles, (rows, inputs) in schema order; note what is wrong in `faults`.

        `start` is the number of the first row in the request. Without faults there is a row for each one.
        """

    @abstractmethod
    def cells(self, position: int) -> Any:
        """Return the cells of a column: a sequence of JSON values, or an Arrow array."""

    @abstractmethod
    def rows(self) -> list[list[object]]:
        """Return the cells row by row, as JSON would have brought them."""


class Rows(Batch):
    """Rows as lists of cells."""

    def __init__(self, rows: Sequence[list[object]]) -> None:
        self._rows = rows
        self.count = len(rows)

    def values(self, columns: Columns, faults: Faults, start: int) -> Matrix:
        """Return the doubles; see `Batch.values`."""
        places = columns.good_rows(self._rows, faults, start)
        whole = len(places) == len(self._rows)
        good = self._rows if whole else [self._rows[place] for place in places]
        return columns.matrix(good, faults, [start + place for place in places])

    def cells(self, position: int) -> Sequence[object]:
        """Return the cells of a column."""
        return [row[position] for row in self._rows]

    def rows(self) -> list[list[object]]:
        """Return the rows."""
        return list(self._rows)


class Decoder(ABC):
    """Turns the bytes of a body into batches. `fields` is known when the first batch has come."""

    fields: tuple[str, ...] | None = None
    types: tuple[Any, ...] | None = None
    """The Arrow types of the fields, if the body says them."""

    @abstractmethod
    def decode(self, data: bytes, last: bool) -> Iterator[Batch]:
        """Give the batches that are complete with `data`; `last` tells that nothing follows.

        Raises:
            Problem: the bytes cannot be read at all.
        """
