"""Arrow IPC streams, read and written with pyarrow, which is an extra of this distribution.

Numbers, booleans, texts, dictionaries, dates and timestamps mean what their cells would mean in JSON; null is
a missing value. Repeated fields keep their types in an answer that is Arrow too.
"""

import io
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray
from scoring._engine import Matrix
from scoring.body import too_large
from scoring.cell import CellError
from scoring.columns import Columns
from scoring.fault import COUNTED, Fault, Faults, refusal
from scoring.problem import Problem
from scoring.reader import Reader
from scoring.schema import TIME64
from scoring.spelling import quoted
from scoring.table import seconds_since_1970

from server.formats.batch import Batch, Decoder
from server.formats.encoder import Encoder, Layout, Part
from server.formats.message import BATCH, DICTIONARY, SCHEMA, Framing, Message

_Doubles: TypeAlias = "tuple[NDArray[np.float64] | array[float], list[tuple[int, CellError]]]"
_FEW: Final = 1 << 16
"""Rows that a batch may have whatever its size: columns of nulls take no bytes."""


class ArrowDecoder(Decoder):
    """Reads an Arrow stream. One message, and all dictionaries together, may have `most` bytes."""

    def __init__(self, most: int) -> None:
        self._framing = Framing(most)
        self._most = most
        self._dictionaries = 0
        self._feed = _Feed()
        self._reader: Any = None

    def decode(self, data: bytes, last: bool) -> Iterator[Batch]:
        """Give the record batches that are complete; see `Decoder.decode`."""
        try:
            for message in self._framing.feed(data):
                batch = self._take(message)
                if batch is not None and batch.num_rows:
                    yield ArrowBatch(batch)
        except OverflowError:
            raise too_large(self._most) from None
        except (ValueError, pa.ArrowException, OSError, MemoryError):
            raise _malformed("The body is no Arrow stream, or it is damaged.") from None
        if last and (self._reader is None or not self._framing.empty):
            raise _malformed("The Arrow stream ends too soon.")

    def _take(self, message: Message) -> Any:
        if message.compressed:
            detail = "The buffers of the Arrow stream are compressed."
            hint = "Write them uncompressed; the whole body may be sent with Content-Encoding: gzip."
            raise refusal("unsupported_media_type", detail, hint)
        self._feed.put(message.data)
        if self._reader is None:
            if message.kind != SCHEMA:
                raise ValueError("no schema")
            self._reader = pa.ipc.open_stream(pa.PythonFile(self._feed, "r"))
            self.fields = tuple(self._reader.schema.names)
            self.types = tuple(self._reader.schema.types)
            return None
        if message.kind == DICTIONARY:
            self._dictionaries += message.body
            if self._dictionaries > self._most:
                raise OverflowError
            return None
        if message.kind != BATCH:
            raise ValueError("a message of another kind")
        batch = self._reader.read_next_batch()
        if batch.num_rows > max(_FEW, 8 * message.body):
            raise ValueError("more rows than bits")
        batch.validate(full=True)
        return batch


class ArrowBatch(Batch):
    """A record batch."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        self.count = batch.num_rows

    def values(self, columns: Columns, faults: Faults, start: int) -> Matrix:
        """Return the doubles; see `Batch.values`."""
        values = Matrix.filled(self.count, len(columns.readers))
        found = np.asarray(values)  # the same numbers: what is written here stands there
        for column, (reader, position) in enumerate(zip(columns.readers, columns.positions, strict=True)):
            if position is None:
                continue
            found[:, column], errors = _doubles(self._batch.column(position), reader)
            for index, error in errors[: faults.named]:
                row, name = start + index, reader.field.name
                sent = f"{reader.expected} is wanted, but {error.found} was sent"
                detail = f"Row {row}, field {quoted(name)}: {sent}."
                faults.add_at(row, position, Fault(error.code, detail, name, row, reader.advice))
            faults.more(len(errors) - faults.named, cut=len(errors) >= COUNTED)
        return values

    def cells(self, position: int) -> Any:
        """Return the cells of a column as an Arrow array."""
        return self._batch.column(position)

    def rows(self) -> list[list[object]]:
        """Return the cells as JSON has them: dates and times as text."""
        listed = [
            [cell.isoformat() if hasattr(cell, "isoformat") else cell for cell in column.to_pylist()]
            for column in self._batch.columns
        ]
        return [list(row) for row in zip(*listed, strict=True)]


class ArrowEncoder(Encoder):
    """Writes an Arrow stream: outputs are float64, flags bool, repeated fields as they came or else text."""

    def head(self, layout: Layout) -> bytes:
        """Return the schema; see `Encoder.head`."""
        kinds = [kind or pa.string() for kind in layout.types]
        kinds += [pa.float64()] * (len(layout.names) - len(kinds))
        if layout.flagged:
            kinds[-2] = pa.bool_()
        self._schema = pa.schema(list(zip(layout.names, kinds, strict=True)))
        self._sink = _Drain()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)
        return self._sink.drained()

    def body(self, parts: Sequence[Part]) -> bytes:
        """Return a record batch; see `Encoder.body`."""
        columns: list[Any] = []
        for part in parts:
            if isinstance(part, Matrix):
                columns += [pa.array(column) for column in np.asfortranarray(part).T]
                continue
            wanted = self._schema.types[len(columns)]
            if isinstance(part, pa.Array):
                columns.append(part)
            elif pa.types.is_string(wanted):
                columns.append(pa.array([_text(cell) for cell in part], wanted))
            else:
                columns.append(pa.array(part, wanted))
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        return self._sink.drained()

    def tail(self) -> bytes:
        """Return the end of the stream."""
        self._writer.close()
        return self._sink.drained()


def _doubles(column: Any, reader: Reader) -> _Doubles:
    kind_ = column.type
    number = pa.types.is_floating(kind_) or pa.types.is_integer(kind_) or pa.types.is_decimal(kind_)
    if reader.reads_floats and (number or pa.types.is_boolean(kind_)):
        cast = column.cast(pa.float64(), safe=False) if kind_ != pa.float64() else column
        return cast.to_numpy(zero_copy_only=False), []
    if reader.field.type == TIME64 and (pa.types.is_timestamp(kind_) or pa.types.is_date(kind_)):
        return seconds_since_1970(column.to_numpy(zero_copy_only=False)), []
    if pa.types.is_decimal(kind_):
        column = column.cast(pa.float64(), safe=False)
    cells = column.to_pylist()
    plain = {str, int, float, bool, type(None)}
    if not set(map(type, cells)) <= plain:
        cells = [cell if type(cell) in plain else {} for cell in cells]  # {} is no cell for any reader
    return reader.column(cells)


def _text(cell: Any) -> str | None:
    if cell is None or cell != cell:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell if isinstance(cell, str) else str(cell)


class _Feed(io.RawIOBase):
    """A file of the bytes that were put in and not read yet."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()

    def put(self, data: bytes) -> None:
        self._bytes += data

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        end = len(self._bytes) if size is None or size < 0 else size
        data = bytes(self._bytes[:end])
        del self._bytes[:end]
        return data


class _Drain(io.RawIOBase):
    """A file that hands out what was written to it since the last time."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        self._bytes += view
        self._size += len(view)
        return len(view)

    def tell(self) -> int:
        return self._size

    def drained(self) -> bytes:
        data = bytes(self._bytes)
        self._bytes.clear()
        return data


def _malformed(detail: str) -> Problem:
    return refusal("malformed_body", detail, "Send what pyarrow.ipc.new_stream writes.")
