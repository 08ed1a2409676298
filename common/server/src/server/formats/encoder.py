"""Encoders: what rows come to -> the bytes of an answer, batch by batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Part: TypeAlias = NDArray[np.float64] | Any
"""Columns of an answer: numbers of shape (rows, columns), or one column of cells (a list or an Arrow array)."""


class Encoder(ABC):
    """Writes one answer: `head`, then `body` for every batch, then `tail`."""

    @abstractmethod
    def head(self, names: Sequence[str], types: Sequence[Any], numeric: Sequence[bool]) -> bytes:
        """Begin an answer with the columns `names`.

        `types` has for each of the leading columns, which hold cells, the Arrow type or None (text), and
        `numeric` whether its field is a number; the columns after them are numbers, but for flags.
        """

    @abstractmethod
    def body(self, parts: Sequence[Part]) -> bytes:
        """Write some rows: the columns in order, as parts. There is at least one row."""

    def tail(self) -> bytes:
        """End the answer."""
        return b""
