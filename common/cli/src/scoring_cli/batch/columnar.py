"""Parquet: batches of rows -> chunks of columns, read from disk as they are needed."""

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoring_cli.batch.chunk import Chunk
from scoring_cli.batch.fault import bad_file
from scoring_cli.batch.header import find_columns, included
from scoring_cli.batch.numbers import Column
from scoring_cli.batch.source import Source

_ROWS: Final = 1 << 15
_CELLS: Final = 1 << 20  # cells that a batch has at most, whatever the number of columns
_FEWEST: Final = 64
_BUFFER: Final = 1 << 20
_SPOOLED: Final = 32 << 20  # bytes of a pipe that are kept in memory; more go to a temporary file


class ParquetReader:
    """Reads Parquet; iterate it once."""

    def __init__(self, source: Source, columns: Sequence[Column], include: Sequence[str]) -> None:
        self._source = source
        try:
            self._file = pq.ParquetFile(_seekable(source), buffer_size=_BUFFER, pre_buffer=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise bad_file(
                source.name,
                f"is not a readable Parquet file: {error}",
                "Copy it again, in binary mode.",
                "not_parquet",
            ) from None
        self._schema = self._file.schema_arrow
        names = list(self._schema.names)
        self._inputs = [column.field.name for column in columns]
        self.kept = included(names, include)
        """Names of the columns that are copied to the output."""
        find_columns(source.name, names, [*self._inputs, *self.kept])

    @property
    def kept_types(self) -> list[Any]:
        """Types of the copied columns: those of the file."""
        return [self._schema.field(name).type for name in self.kept]

    def __iter__(self) -> Iterator[Chunk]:
        """Give the rows in the order of the file."""
        wanted = list(dict.fromkeys([*self._inputs, *self.kept]))
        start = 0
        rows = max(_FEWEST, min(_ROWS, _CELLS // len(wanted)))
        try:
            for batch in self._file.iter_batches(rows, columns=wanted, use_threads=False):
                yield self._chunk(batch, start)
                start += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise bad_file(
                self._source.name, f"is damaged after row {start}: {error}", "Copy it again.", "not_parquet"
            ) from None

    def _chunk(self, batch: Any, start: int) -> Chunk:
        rows = batch.num_rows
        return Chunk(
            rows,
            [batch.column(name) for name in self._inputs],
            [batch.column(name) for name in self.kept],
            lambda: np.arange(start + 1, start + rows + 1),
        )


def _seekable(source: Source) -> Any:
    """Return the file itself, or a copy of a pipe: the directory of a Parquet file is at its end."""
    if source.stream.seekable():
        return source.raw
    copy = tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 -- lives as long as the reader
    while block := source.stream.read(_BUFFER):
        copy.write(block)
    copy.seek(0)
    return copy
