"""CSV (RFC 4180): a header line, then one line a row; fields in quotes may hold commas, quotes and line ends.

Lines end with LF or CR LF. Lines with nothing on them are skipped. The text is UTF-8, a byte order mark is
skipped. In answers a missing value is an empty field, and infinities are Infinity and -Infinity.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from scoring._engine import Matrix, row_texts, table_text
from scoring.cell import as_truth, text
from scoring.columns import Columns
from scoring.fault import Faults
from scoring.lines import CsvReader, csv_line, field, split

from server.formats.batch import Batch, Decoder, Rows
from server.formats.encoder import Encoder, Layout, Part

_LINE_END: Final = "\n"


class CsvDecoder(Decoder):
    """Reads CSV. A batch is what is complete of the bytes that came together."""

    def __init__(self) -> None:
        self._reader = CsvReader()

    def decode(self, data: bytes, last: bool) -> Iterator[Batch]:
        """Give the rows that are complete; see `Decoder.decode`."""
        chunk = self._reader.chunk(data, last)
        self.fields = self._reader.fields
        if chunk:
            yield Lines(chunk)


class Lines(Batch):
    """Whole lines of CSV, taken apart when needed."""

    def __init__(self, chunk: str) -> None:
        self._chunk = chunk
        self._split: Rows | None = None
        self.count = 0

    def values(self, columns: Columns, faults: Faults, start: int) -> Matrix:
        """Return the doubles; see `Batch.values`."""
        values = self._quick(columns)
        if values is not None:
            self.count = len(values)
            return values
        rows = self._apart()
        self.count = rows.count
        return rows.values(columns, faults, start)

    def cells(self, position: int) -> Sequence[object]:
        """Return the cells of a column."""
        return self._apart().cells(position)

    def rows(self) -> list[list[object]]:
        """Return the rows."""
        return self._apart().rows()

    def _quick(self, columns: Columns) -> Matrix | None:
        """Let the engine read the lines where they stand; None if anything is wrong or not plain."""
        if columns.plain is None or '"' in self._chunk:
            return None
        return columns.plain.csv(self._chunk)

    def _apart(self) -> Rows:
        if self._split is None:
            self._split = Rows(split(self._chunk))
        return self._split


class CsvEncoder(Encoder):
    """Writes CSV with a header; numbers have the shortest decimal that reads back as the same double."""

    def head(self, layout: Layout) -> bytes:
        """Return the header line; see `Encoder.head`."""
        self._numeric = layout.numeric
        return f"{csv_line(layout.names)}\n".encode("utf-8", "backslashreplace")

    def body(self, parts: Sequence[Part]) -> bytes:
        """Return the lines of some rows; see `Encoder.body`."""
        if len(parts) == 1 and isinstance(parts[0], Matrix):
            return f"{table_text(parts[0], 'csv', _LINE_END, 0, parts[0].shape[1])}\n".encode()
        columns: list[Sequence[str]] = []
        for part in parts:
            if isinstance(part, Matrix):
                columns.append(row_texts(part, "csv"))
            else:
                numeric = len(columns) < len(self._numeric) and self._numeric[len(columns)]
                columns.append([_text(cell, numeric) for cell in _listed(part)])
        lines = map(",".join, zip(*columns, strict=True))
        return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _text(cell: Any, numeric: bool) -> str:
    if numeric and (truth := as_truth(cell)) is not None:
        return truth
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, str | bool | int | float):
        return field(text(cell))
    return field(cell.isoformat() if hasattr(cell, "isoformat") else str(cell))


def _listed(part: Any) -> Sequence[Any]:
    listed: Sequence[Any] = part.to_pylist() if hasattr(part, "to_pylist") else part
    return listed
