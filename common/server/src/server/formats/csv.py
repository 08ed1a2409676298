"""CSV (RFC 4180): a header line, then one line a row; fields in quotes may hold commas, quotes and line ends.

Lines end with LF or CR LF. Lines with nothing on them are skipped. The text is UTF-8, a byte order mark is
skipped. In answers a missing value is an empty field, and infinities are Infinity and -Infinity.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from scoring.cell import as_truth, text
from scoring.columns import Columns
from scoring.fault import Faults, refusal
from scoring.problem import Problem

from server.formats import columnar
from server.formats.batch import Batch, Decoder, Floats, Rows
from server.formats.encoder import Encoder, Layout, Part

_RECORD: Final = 1 << 20
"""Characters of one row at most."""
_QUOTED: Final = frozenset(',"\r\n')


class CsvDecoder(Decoder):
    """Reads CSV. A batch is what is complete of the bytes that came together."""

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""

    def decode(self, data: bytes, last: bool) -> Iterator[Batch]:
        """Give the rows that are complete; see `Decoder.decode`."""
        try:
            self._rest += self._characters.decode(data, last)
        except UnicodeDecodeError:
            raise _malformed("The CSV is not UTF-8.", "Encode the body as UTF-8.") from None
        if last and self._rest and not self._rest.endswith(("\n", "\r")):
            self._rest += "\n"
        if self.fields is None and not self._header(last):
            return
        end = len(self._rest) if last else self._cut()
        chunk, self._rest = self._rest[:end], self._rest[end:]
        if chunk.strip("\r\n"):
            yield Lines(chunk)

    def _header(self, last: bool) -> bool:
        """Read the first line with something on it, if it is complete."""
        end = _next(self._rest, 0)
        while end and not self._rest[:end].strip():
            self._rest = self._rest[end:]
            end = _next(self._rest, 0)
        if not end:
            if last:
                raise _malformed("The body is empty.", "Send a header line and at least one row.")
            if len(self._rest) > _RECORD:
                raise _too_long()
            return False
        line, self._rest = self._rest[:end], self._rest[end:]
        names = _split(line)
        if len(names) != 1:
            raise _malformed("The lines of the CSV end with CR.", "End them with LF or with CR LF.")
        self.fields = tuple(str(name).strip() for name in names[0])
        return True

    def _cut(self) -> int:
        """Return where the last complete row ends: at a line end outside of quotes."""
        if '"' not in self._rest:
            end = self._rest.rfind("\n") + 1
        else:
            # Quotes inside of quotes are doubled, so an odd number of quotes before a line end is inside.
            end = place = 0
            odd = False
            while found := self._rest.find("\n", place) + 1:
                odd ^= bool(self._rest.count('"', place, found) & 1)
                place = found
                if not odd:
                    end = found
        if len(self._rest) - end > _RECORD:
            raise _too_long()
        return end


class Lines(Batch):
    """Whole lines of CSV, taken apart when needed."""

    def __init__(self, chunk: str) -> None:
        self._chunk = chunk
        self._split: Rows | None = None
        self._texts: Mapping[int, Any] = {}
        self.count = 0

    def values(self, columns: Columns, faults: Faults, start: int) -> Floats:
        """Return the doubles; see `Batch.values`."""
        values = self._numbers(columns)
        if values is not None:
            self.count = len(values)
            return values
        rows = self._apart()
        self.count = rows.count
        return rows.values(columns, faults, start)

    def cells(self, position: int) -> Sequence[object]:
        """Return the cells of a column."""
        if position in self._texts:
            cells: Sequence[object] = self._texts[position].to_pylist()
            return cells
        return self._apart().cells(position)

    def rows(self) -> list[list[object]]:
        """Return the rows."""
        return self._apart().rows()

    def _numbers(self, columns: Columns) -> Floats | None:
        """Read rows that are nothing but ordinary cells in one go, as the readers would; else None."""
        if '"' in self._chunk:
            return None
        if len(self._chunk) >= columnar.LARGE and columnar.available():
            read = columnar.read(self._chunk, columns)
            if read is None:
                return None
            values, self._texts = read
            return values
        if len(columns.fields) != len(columns.readers) or None in columns.positions:
            return None
        if not all(reader.reads_floats for reader in columns.readers):
            return None
        if not self._chunk.isascii():
            return None
        try:
            found = np.loadtxt(io.StringIO(self._chunk), np.float64, comments=None, delimiter=",", ndmin=2)
        except ValueError:
            return None
        if found.shape[1] != len(columns.fields) or not np.isfinite(found).all():
            return None
        places = [position for position in columns.positions if position is not None]
        return found if places == list(range(found.shape[1])) else found[:, places]

    def _apart(self) -> Rows:
        if self._split is None:
            self._split = Rows(_split(self._chunk))
        return self._split


class CsvEncoder(Encoder):
    """Writes CSV with a header; numbers have the shortest decimal that reads back as the same double."""

    def head(self, layout: Layout) -> bytes:
        """Return the header line; see `Encoder.head`."""
        self._numeric = layout.numeric
        return f"{','.join(map(_quoted, layout.names))}\n".encode("utf-8", "backslashreplace")

    def body(self, parts: Sequence[Part]) -> bytes:
        """Return the lines of some rows; see `Encoder.body`."""
        if len(parts) == 1 and isinstance(parts[0], np.ndarray) and np.isfinite(parts[0]).all():
            return f"{_lines(parts[0])}\n".encode()
        columns: list[Sequence[str]] = []
        for part in parts:
            if isinstance(part, np.ndarray):
                columns += [[_number(value) for value in column.tolist()] for column in part.T]
            else:
                numeric = len(columns) < len(self._numeric) and self._numeric[len(columns)]
                columns.append([_text(cell, numeric) for cell in _listed(part)])
        lines = map(",".join, zip(*columns, strict=True))
        return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _lines(matrix: Floats) -> str:
    if matrix.nbytes >= columnar.LARGE and columnar.available():
        quick = columnar.written(matrix)
        if quick is not None:
            return quick
    return repr(matrix.tolist())[2:-2].replace("], [", "\n").replace(", ", ",")


def _split(chunk: str) -> list[list[object]]:
    if '"' not in chunk and "\r" not in chunk:
        return [list(line.split(",")) for line in chunk.split("\n") if line]
    rows = csv.reader(io.StringIO(chunk.replace("\r\n", "\n"), newline=""), strict=True)
    try:
        return [list(row) for row in rows if row]
    except csv.Error:
        detail = "The CSV has a field whose quotation marks do not match, or that is too long."
        hint = 'Put fields with commas, quotes or line ends in "...", and double the quotes inside.'
        raise _malformed(detail, hint) from None


def _next(chunk: str, start: int) -> int:
    """Return where the row that begins at `start` ends, 0 if it is not complete."""
    odd, place = False, start
    while True:
        end = chunk.find("\n", place) + 1
        if not end:
            return 0
        odd ^= bool(chunk.count('"', place, end) & 1)
        if not odd:
            return end
        place = end


def _number(value: float) -> str:
    if value - value == 0.0:
        return repr(value)
    return "" if value != value else "Infinity" if value > 0 else "-Infinity"


def _text(cell: Any, numeric: bool) -> str:
    if numeric and (truth := as_truth(cell)) is not None:
        return truth
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, str | bool | int | float):
        return _quoted(text(cell))
    return _quoted(cell.isoformat() if hasattr(cell, "isoformat") else str(cell))


def _listed(part: Any) -> Sequence[Any]:
    listed: Sequence[Any] = part.to_pylist() if hasattr(part, "to_pylist") else part
    return listed


def _quoted(word: str) -> str:
    if _QUOTED.isdisjoint(word) and word == word.strip():
        return word
    doubled = word.replace('"', '""')
    return f'"{doubled}"'


def _malformed(detail: str, hint: str) -> Problem:
    return refusal("malformed_body", detail, hint)


def _too_long() -> Problem:
    detail = f"The CSV has a row of more than {_RECORD} characters, or a quotation mark that is never closed."
    return _malformed(detail, 'Double the quotes inside of "...".')
