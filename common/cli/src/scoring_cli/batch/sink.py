"""Sinks: columns of results -> CSV, TSV, NDJSON or Parquet, chunk by chunk.

Doubles are written with the fewest digits that read back as the same double, nulls as nothing (CSV) or null.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scoring_cli.batch import arrays
from scoring_cli.batch.chunk import JSON

_GROUP: Final = 1 << 17  # rows of a Parquet row group
_NOTHING: Final = arrays.text("")
_NULL: Final = arrays.text("null")
_NEWLINE: Final = arrays.text("\n")
_QUOTE: Final = arrays.text('"')
_ESCAPED: Final = '[\x00-\x1f"\\\\]'


@dataclass(frozen=True)
class Heading:
    """Name and type of a column of the output: a pyarrow type, or `chunk.JSON`."""

    name: str
    type: Any


class Sink(ABC):
    """Writes chunks of columns to a binary stream."""

    def __init__(self, stream: BinaryIO, headings: Sequence[Heading]) -> None:
        self._stream = stream
        self._headings = headings

    @abstractmethod
    def write(self, columns: Sequence[Any]) -> None:
        """Write pyarrow arrays of equal length, one for each heading."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is left; the stream stays open."""


class DelimitedSink(Sink):
    """Writes CSV or TSV with a header line; quotes where a reader needs them."""

    def __init__(self, stream: BinaryIO, headings: Sequence[Heading], delimiter: bytes) -> None:
        super().__init__(stream, headings)
        self._delimiter = delimiter.decode()
        self._special = f'[{self._delimiter}"\r\n]'
        names = arrays.texts([heading.name for heading in headings])
        self._stream.write(self._delimiter.join(self._quoted(names).to_pylist()).encode() + b"\n")

    def write(self, columns: Sequence[Any]) -> None:
        """Write a line for each row."""
        cells = []
        for heading, column in zip(self._headings, columns, strict=True):
            text = _decoded(column) if heading.type is JSON else _as_text(column)
            if not pa.types.is_floating(column.type):
                text = self._quoted(text)
            cells.append(pc.fill_null(text, _NOTHING) if text.null_count else text)
        self._stream.write(_lines(cells, self._delimiter))

    def finish(self) -> None:
        """Nothing is left."""

    def _quoted(self, text: Any) -> Any:
        special = pc.match_substring_regex(text, self._special)
        if not pc.any(special).as_py():
            return text
        doubled = pc.replace_substring(text, '"', '""')
        return pc.if_else(special, _in_quotes(doubled), text)


class LineSink(Sink):
    """Writes NDJSON; a double that JSON cannot say (NaN, infinite) is null."""

    def write(self, columns: Sequence[Any]) -> None:
        """Write an object for each row."""
        parts: list[Any] = []
        for position, (heading, column) in enumerate(zip(self._headings, columns, strict=True)):
            start = "{" if position == 0 else ","
            key = json.dumps(heading.name, ensure_ascii=False)
            parts += [arrays.text(f"{start}{key}:"), _as_json(column, heading.type)]
        self._stream.write(_lines([*parts, arrays.text("}")], ""))

    def finish(self) -> None:
        """Nothing is left."""


class ParquetSink(Sink):
    """Writes Parquet with Zstandard compression; copied columns keep their types."""

    def __init__(self, stream: BinaryIO, headings: Sequence[Heading]) -> None:
        super().__init__(stream, headings)
        types = [pa.string() if heading.type is JSON else heading.type for heading in headings]
        pairs = [(heading.name, kind) for heading, kind in zip(headings, types, strict=True)]
        self._schema = pa.schema(pairs)
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, columns: Sequence[Any]) -> None:
        """Keep the rows until there are enough for a row group."""
        plain = [
            _decoded(column) if heading.type is JSON else column
            for heading, column in zip(self._headings, columns, strict=True)
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(plain, schema=self._schema))
        self._rows += self._waiting[-1].num_rows
        if self._rows >= _GROUP:
            self._flush()

    def finish(self) -> None:
        """Write the last row group and the file's directory."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=_GROUP)
        self._waiting, self._rows = [], 0


def _lines(parts: Sequence[Any], joint: str) -> bytes:
    """Join the parts of each row, and the rows, to text with a line feed after each row."""
    lines = pc.binary_join_element_wise(*parts, arrays.text(joint)) if len(parts) > 1 else parts[0]
    whole = pa.LargeListArray.from_arrays(arrays.integers(np.array([0, len(lines)])), lines)
    text: bytes = pc.binary_join(whole, _NEWLINE)[0].as_buffer().to_pybytes()
    return text + b"\n" if len(lines) else b""


def _in_quotes(text: Any) -> Any:
    return pc.binary_join_element_wise(_QUOTE, text, _QUOTE, _NOTHING)


def _as_text(column: Any) -> Any:
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_nested(column.type):
        texts = [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
        return arrays.texts(texts)
    if pa.types.is_dictionary(column.type):
        return _as_text(column.dictionary_decode())
    return column.cast(pa.string())


def _as_json(column: Any, kind: Any) -> Any:
    """Return the JSON text of each value."""
    if kind is JSON:
        return pc.fill_null(column, _NULL)
    number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, arrays.nothing(column.type))
    if number or pa.types.is_boolean(column.type) or pa.types.is_nested(column.type):
        return pc.fill_null(_as_text(column), _NULL)
    text = _as_text(column)
    if pc.any(pc.match_substring_regex(text, _ESCAPED)).as_py():
        texts = [json.dumps(value, ensure_ascii=False) for value in text.to_pylist()]
        return arrays.texts(texts)
    return pc.fill_null(_in_quotes(text), _NULL)


def _decoded(column: Any) -> Any:
    """Return JSON texts as the texts of their values: strings without quotes, null as null, others as is."""
    texts = []
    for text in column.to_pylist():
        value = None if text is None else json.loads(text)
        texts.append(value if value is None or isinstance(value, str) else text)
    return arrays.texts(texts)
