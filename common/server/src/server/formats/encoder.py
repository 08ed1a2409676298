"""Encoders: what rows come to -> the bytes of an answer, batch by batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scoring._engine import Matrix

Part: TypeAlias = Matrix | Any
"""Columns of an answer: numbers of shape (rows, columns), or one column of cells (list or Arrow array)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of an answer: those that hold cells, then numbers, maybe flags and distances.

    Attributes:
        names: Of all columns.
        types: Of the columns with cells the Arrow type, None for text.
        numeric: Of the columns with cells whether the field is a number.
        flagged: Whether the last two columns are `outOfDistribution` and `distance`.
    """

    names: Sequence[str]
    types: Sequence[Any]
    numeric: Sequence[bool]
    flagged: bool


class Encoder(ABC):
    """Writes one answer: `head`, then `body` for every batch, then `tail`."""

    @abstractmethod
    def head(self, layout: Layout) -> bytes:
        """Begin an answer."""

    @abstractmethod
    def body(self, parts: Sequence[Part]) -> bytes:
        """Write some rows: the columns in order, as parts. There is at least one row."""

    def tail(self) -> bytes:
        """End the answer."""
        return b""
