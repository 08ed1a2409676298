"""NDJSON: one JSON object a line -> chunks of columns.

A block is parsed by pyarrow when its columns hold what the schema says; otherwise, and when columns are to be
copied, line by line by Python's json, and `scoring_cli.batch.numbers` decides about each value.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pjson
from numpy.typing import NDArray

from scoring_cli.batch import arrays
from scoring_cli.batch.block import Block, blocks
from scoring_cli.batch.chunk import JSON, Chunk, single
from scoring_cli.batch.fault import Fault, bad_file
from scoring_cli.batch.header import find_columns, included
from scoring_cli.batch.numbers import Column
from scoring_cli.batch.source import Source

_ADVICE: Final = "Write one JSON object a line."
_BLANK: Final = b" \t\r"


class LineReader:
    """Reads NDJSON; iterate it once."""

    def __init__(self, source: Source, columns: Sequence[Column], include: Sequence[str]) -> None:
        self._source = source
        self._columns = columns
        self._inputs = [column.field.name for column in columns]
        self._blocks = blocks(source, lambda data: data.rfind(b"\n") + 1)
        self._first = next(self._blocks, None)
        while self._first is not None and not self._first.data.strip():
            self._first = next(self._blocks, None)
        if self._first is None:
            raise bad_file(source.name, "is empty.", "Each line must be a JSON object.", "empty_file")
        names = self._names(self._first)
        self.kept = included(names, include)
        """Names of the columns that are copied to the output."""
        find_columns(source.name, names, [*self._inputs, *self.kept])
        types = [(column.field.name, pa.float64() if column.plain else pa.string()) for column in columns]
        self._schema = None if self.kept else pa.schema(types)

    @property
    def kept_types(self) -> list[Any]:
        """Types of the copied columns: JSON text."""
        return [JSON] * len(self.kept)

    def __iter__(self) -> Iterator[Chunk]:
        """Give the rows in the order of the file."""
        assert self._first is not None
        yield self._chunk(self._first)
        for block in self._blocks:
            if block.data.strip():
                yield self._chunk(block)

    def _names(self, block: Block) -> list[str]:
        """Return the keys of the first object that is one."""
        for line in block.data.splitlines():
            value = _parsed(line)
            if isinstance(value, dict):
                return list(value)
        raise bad_file(
            self._source.name,
            "has no JSON object in its first lines.",
            'NDJSON has an object a line, such as {"a": 1, "b": "x"}; an array of rows is not NDJSON.',
            "invalid_json",
        )

    def _chunk(self, block: Block) -> Chunk:
        cells = self._fast(block)
        if cells is not None:
            rows = len(cells[0])
            return Chunk(rows, cells, [], lambda: np.arange(block.line, block.line + rows))
        return self._slow(block)

    def _fast(self, block: Block) -> list[Any] | None:
        """Parse with the types of the schema; None if a value or a key is not as expected."""
        if self._schema is None:
            return None
        try:
            table = pjson.read_json(
                pa.py_buffer(block.data),
                pjson.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
                pjson.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid:
            return None
        if len(table) != block.data.count(b"\n"):  # blank lines, or several objects on a line
            return None
        cells = []
        for name, column in zip(self._inputs, self._columns, strict=True):
            values = single(table.column(name))
            # A null is either in the file or the mark of a key that is not.
            if values.null_count and block.data.count(json.dumps(name).encode()) != len(values):
                return None
            if column.plain:
                if not pc.all(pc.is_finite(values), min_count=0).as_py():
                    return None
                values = column.without_sentinels(values)
            cells.append(values)
        return cells

    def _slow(self, block: Block) -> Chunk:
        rows: list[dict[str, Any]] = []
        lines: list[int] = []
        broken: dict[int, Fault] = {}
        for number, line in enumerate(block.data.split(b"\n"), block.line):
            if not line.strip(_BLANK):
                continue
            value = _parsed(line)
            fault = self._fault(value)
            if fault is not None:
                broken[len(rows)] = fault
                value = {}
            rows.append(value)
            lines.append(number)
        places: NDArray[np.int64] = np.array(lines, np.int64)
        cells = [[row.get(name) for row in rows] for name in self._inputs]
        kept = [arrays.texts([_text(row, name) for row in rows]) for name in self.kept]
        return Chunk(len(rows), list(cells), kept, lambda: places, broken)

    def _fault(self, value: Any) -> Fault | None:
        if value is _INVALID:
            return Fault(0, "", "malformed_json", "The line is not JSON.", "Write one JSON object a line.")
        if not isinstance(value, dict):
            return Fault(
                0, "", "wrong_type", "The line is JSON, but no object.", "Write one JSON object a line."
            )
        for name in self._inputs:
            if name not in value:
                return Fault(
                    0,
                    name,
                    "missing_field",
                    f"The object lacks the key {name!r}.",
                    "Write null for a missing value.",
                )
        return None


class _Invalid:
    """The mark of a line that is not JSON; None is what `null` gives."""


_INVALID: Final = _Invalid()


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return _INVALID


def _text(row: dict[str, Any], name: str) -> str | None:
    return json.dumps(row[name], ensure_ascii=False) if name in row else None
