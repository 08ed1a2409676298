"""A chunk: some rows of a file as columns, on their way from a reader to the engine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_cli.batch.fault import Fault

JSON: Final = "json"
"""The type of a copied column whose cells are the JSON text of values."""


@dataclass(frozen=True)
class Chunk:
    """Rows as they were read; every column has `rows` cells."""

    rows: int
    cells: list[Any]
    """One column for each input of the schema, in its order: a pyarrow array of doubles, text or another
    type, or a list of JSON values."""
    kept: list[Any]
    """The input columns that are copied to the output, as pyarrow arrays."""
    places: Callable[[], NDArray[np.int64]]
    """Gives the line (or row, for Parquet) of every row; asked for only when something is at fault."""
    broken: dict[int, Fault] = field(default_factory=dict)
    """Rows that are no rows, by their position; their cells are null."""


def single(column: Any) -> Any:
    """Return a pyarrow ChunkedArray as one array, without a copy if it has one chunk."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
