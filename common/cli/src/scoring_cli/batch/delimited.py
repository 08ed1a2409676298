"""CSV and TSV: blocks of text -> chunks of columns.

Columns of numbers are parsed straight to doubles. If a cell is not plainly a number or a missing value, its
column is read as text from there on, and `scoring_cli.batch.numbers` decides.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from scoring_cli.batch import arrays
from scoring_cli.batch.block import Block, blocks
from scoring_cli.batch.chunk import Chunk, single
from scoring_cli.batch.fault import Fault, bad_file
from scoring_cli.batch.header import find_columns, included
from scoring_cli.batch.numbers import Column
from scoring_cli.batch.record import complete, record_ends, record_lines
from scoring_cli.batch.source import Source

_COLUMN: Final = re.compile(r"CSV column #([0-9]+)")
_WRONG_LENGTH: Final = "row_length"


class DelimitedReader:
    """Reads delimited text with a header line; iterate it once."""

    def __init__(
        self, source: Source, columns: Sequence[Column], include: Sequence[str], delimiter: bytes
    ) -> None:
        self._source = source
        self._columns = columns
        self._delimiter = delimiter
        self._blocks = blocks(source, lambda data: complete(data, delimiter))
        self._first, self._header = self._read_header()
        self.kept = included(self._header, include)
        """Names of the columns that are copied to the output."""
        inputs = [column.field.name for column in columns]
        positions = find_columns(source.name, self._header, [*inputs, *self.kept])
        self._inputs, self._kept = positions[: len(inputs)], positions[len(inputs) :]
        self._doubles = {
            position
            for position, column in zip(self._inputs, columns, strict=True)
            if column.plain and position not in self._kept
        }
        tokens = [set(column.field.missing) for column in columns if column.plain]
        self._missing = sorted(set.intersection(*tokens)) if tokens else []

    @property
    def kept_types(self) -> list[Any]:
        """Types of the copied columns: text, as it stands in the file."""
        return [pa.string()] * len(self.kept)

    def __iter__(self) -> Iterator[Chunk]:
        """Give the rows in the order of the file."""
        if self._first.data:
            yield from self._chunk(self._first)
        for block in self._blocks:
            yield from self._chunk(block)

    def _read_header(self) -> tuple[Block, list[str]]:
        block = next(self._blocks, None)
        while block is not None and _blank(block.data):
            block = next(self._blocks, None)
        if block is None:
            raise bad_file(
                self._source.name,
                "is empty.",
                "The first line must name the columns.",
                "empty_file",
            )
        start = 0
        for end in record_ends(block.data, self._delimiter).tolist():
            record = block.data[start : end + 1]
            if not _blank(record):
                break
            start = end + 1
        text = io.StringIO(record.decode("utf-8"), newline="")
        names = [name.strip() for name in next(csv.reader(text, delimiter=self._delimiter.decode()))]
        rest = Block(block.data[end + 1 :], block.line + block.data.count(b"\n", 0, end + 1))
        return rest, names

    def _chunk(self, block: Block) -> Iterator[Chunk]:
        if _blank(block.data):
            return
        columns, broken = self._typed(block)
        rows = len(next(iter(columns.values()))) if columns else 0
        if broken:
            columns, rows = _with_gaps(columns, rows, broken)
        yield Chunk(
            rows,
            [columns[position] for position in self._inputs],
            [columns[position] for position in self._kept],
            lambda: record_lines(block.data, self._delimiter, block.line),
            {row: self._wrong_length(cells) for row, cells in broken.items()},
        )

    def _typed(self, block: Block) -> tuple[dict[int, Any], dict[int, int]]:
        """Parse a block; columns whose cells are not all plain numbers become text for good."""
        while True:
            wanted = dict.fromkeys([*self._inputs, *self._kept], pa.string())
            wanted.update(dict.fromkeys(self._doubles, pa.float64()))
            try:
                columns, broken = self._parse(block.data, wanted)
            except pa.ArrowInvalid as error:
                found = _COLUMN.search(str(error))
                if found is None or int(found[1]) not in self._doubles:
                    raise bad_file(
                        self._source.name, f"cannot be parsed: {error}.", "Check its quotes."
                    ) from None
                self._doubles.discard(int(found[1]))
                continue
            parsed = dict(zip(wanted, columns, strict=True))
            odd = {position for position in self._doubles if not _finite(parsed[position])}
            if not odd:
                break
            self._doubles -= odd  # "nan(1)" is a number to pyarrow, and not by the rules of scoring.cell
        for position, column in zip(self._inputs, self._columns, strict=True):
            if position in self._doubles:
                parsed[position] = column.without_sentinels(parsed[position])
        return parsed, broken

    def _parse(self, data: bytes, types: dict[int, Any]) -> tuple[list[Any], dict[int, int]]:
        """Parse records; returns the columns and, for rows of the wrong length, their number of cells."""
        broken: dict[int, int] = {}

        def note(row: Any) -> str:
            broken[row.number - 1] = row.actual_columns
            return "skip"

        table = pcsv.read_csv(
            pa.py_buffer(data),
            pcsv.ReadOptions(
                use_threads=False,  # rows of the wrong length have a number only then
                block_size=len(data) + 1,
                column_names=[str(position) for position in range(len(self._header))],
            ),
            pcsv.ParseOptions(
                delimiter=self._delimiter.decode(),
                newlines_in_values=b'"' in data,
                invalid_row_handler=note,
            ),
            pcsv.ConvertOptions(
                check_utf8=False,  # the block has been checked as a whole
                column_types={str(position): kind for position, kind in types.items()},
                include_columns=[str(position) for position in types],
                null_values=self._missing,
                strings_can_be_null=False,
            ),
        )
        return [single(column) for column in table.columns], broken

    def _wrong_length(self, cells: int) -> Fault:
        return Fault(
            0,
            "",
            _WRONG_LENGTH,
            f"The row has {cells} cells, the header has {len(self._header)}.",
            "Look for a delimiter that is missing, or that needs quotes.",
        )


def _blank(data: bytes) -> bool:
    """Tell whether there are only line ends; looks at a whole block only if it begins with one."""
    return data[:1] in (b"", b"\r", b"\n") and not data.strip(b"\r\n")


def _finite(numbers: Any) -> bool:
    return bool(pc.all(pc.is_finite(numbers), min_count=0).as_py())


def _with_gaps(columns: dict[int, Any], rows: int, broken: dict[int, int]) -> tuple[dict[int, Any], int]:
    """Put a row of nulls where a row of the wrong length was."""
    total = rows + len(broken)
    gap: NDArray[np.bool_] = np.zeros(total, bool)
    gap[list(broken)] = True
    order = arrays.integers(np.cumsum(~gap) - 1, gap)
    return {position: column.take(order) for position, column in columns.items()}, total
