"""Lines: the rows of CSV and NDJSON as lists of cells, taken from bytes as they arrive, and written again.

The server and deployments without one read bodies with these. numpy is not needed.
"""

import codecs
import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from scoring.cell import kind
from scoring.fault import Fault, Faults, refusal
from scoring.problem import Problem
from scoring.spelling import quoted

Rows = list[list[object]]

_RECORD: Final = 1 << 20
"""Characters of one row of CSV at most."""
_LINE: Final = 4 << 20
"""Bytes of one line of NDJSON at most."""
_QUOTED: Final = frozenset(',"\r\n')
_DECODER: Final = json.JSONDecoder(object_pairs_hook=list)  # pairs, so that twins are seen


class Reader(ABC):
    """Takes rows from bytes. `fields` is known when the first rows have come."""

    fields: tuple[str, ...] | None = None

    @abstractmethod
    def read(self, data: bytes, last: bool) -> Rows:
        """Return the rows that are complete with `data`; `last` tells that nothing follows.

        Raises:
            Problem: `malformed_body`, the bytes cannot be read at all.
        """


class CsvReader(Reader):
    """Reads CSV (RFC 4180) with a header line; blank lines are skipped, a byte order mark too."""

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""

    def read(self, data: bytes, last: bool) -> Rows:
        """Return the rows that are complete; see `Reader.read`."""
        return split(self.chunk(data, last))

    def chunk(self, data: bytes, last: bool) -> str:
        """Return the lines that are complete as they stand, "" if there are none; raises as `read` does."""
        try:
            self._rest += self._characters.decode(data, last)
        except UnicodeDecodeError:
            raise _malformed("The CSV is not UTF-8.", "Encode the body as UTF-8.") from None
        if last and self._rest and not self._rest.endswith(("\n", "\r")):
            self._rest += "\n"
        if self.fields is None and not self._header(last):
            return ""
        end = len(self._rest) if last else self._cut()
        chunk, self._rest = self._rest[:end], self._rest[end:]
        return chunk if chunk.strip("\r\n") else ""

    def _header(self, last: bool) -> bool:
        end = _next(self._rest)
        while end and not self._rest[:end].strip():
            self._rest = self._rest[end:]
            end = _next(self._rest)
        if not end:
            if last:
                raise _malformed("The body is empty.", "Send a header line and at least one row.")
            if len(self._rest) > _RECORD:
                raise _too_long()
            return False
        line, self._rest = self._rest[:end], self._rest[end:]
        names = split(line)
        if len(names) != 1:
            raise _malformed("The lines of the CSV end with CR.", "End them with LF or with CR LF.")
        self.fields = tuple(str(name).strip() for name in names[0])
        return True

    def _cut(self) -> int:
        """Return where the last complete row ends: at a line end outside of quotes."""
        if '"' not in self._rest:
            end = self._rest.rfind("\n") + 1
        else:
            end = place = 0
            odd = False  # quotes inside of quotes are doubled, so an odd number of them is inside
            while found := self._rest.find("\n", place) + 1:
                odd ^= bool(self._rest.count('"', place, found) & 1)
                place = found
                if not odd:
                    end = found
        if len(self._rest) - end > _RECORD:
            raise _too_long()
        return end


class NdjsonReader(Reader):
    """Reads NDJSON: one object a line. `inputs` are the fields that every line must have.

    What is wrong with single rows is noted in `faults`.
    """

    def __init__(self, inputs: Sequence[str], faults: Faults) -> None:
        self._inputs = inputs
        self._faults = faults
        self._rest = b""
        self._line = self._row = 0

    def read(self, data: bytes, last: bool) -> Rows:
        """Return the rows of the lines that are complete; see `Reader.read`."""
        data = self._rest + data
        end = len(data) if last else data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) > _LINE:
            raise _not_lines(f"Line {self._line + 1} has more than {_LINE} bytes.")
        rows: Rows = []
        for line in data[:end].removesuffix(b"\n").split(b"\n") if end else ():
            self._line += 1
            if line.strip():
                rows.append(self._cells(line))
                self._row += 1
        if not rows and last and self.fields is None:
            raise refusal("malformed_body", "The body is empty.", "Send one JSON object a line.")
        return rows

    def _cells(self, line: bytes) -> list[object]:
        pairs = self._pairs(line)
        names = tuple([name for name, _ in pairs])
        if self.fields is None:
            self.fields = tuple(dict.fromkeys(names))
        if names == self.fields:
            return [cell for _, cell in pairs]
        cells = dict(pairs)
        row = self._row
        if len(cells) != len(names):
            twin = next(name for name in cells if names.count(name) > 1)
            detail = f"Row {row} has the key {quoted(twin)} twice."
            self._faults.add_at(row, -1, Fault("duplicate_key", detail, twin, row, "Send each key once."))
        for position, name in enumerate(self._inputs):
            if name not in cells and row:  # what the first row lacks is found when the fields are checked
                detail = f"Row {row} lacks the field {quoted(name)}."
                hint = "Add the field; a value that is not known can be null."
                self._faults.add_at(row, position, Fault("missing_field", detail, name, row, hint))
        return [cells.get(name) for name in self.fields]

    def _pairs(self, line: bytes) -> list[tuple[str, Any]]:
        where = f"Line {self._line}"
        try:
            text = line.decode("utf-8-sig" if self._line == 1 else "utf-8").strip()
            pairs: list[tuple[str, Any]] = _DECODER.decode(text)
        except UnicodeDecodeError:
            raise _not_lines(f"{where} is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise _not_lines(f"{where} is not JSON: reading stopped at column {error.colno}.") from None
        except RecursionError:
            raise _not_lines(f"{where} is nested too deep.") from None
        except ValueError:  # Python reads integers of at most 4300 digits
            raise _not_lines(f"{where} has an integer of too many digits.") from None
        if not text.startswith("{"):
            raise _not_lines(f"{where} is {kind(pairs)}, but an object is wanted.")
        return pairs


def csv_line(cells: Sequence[Any]) -> str:
    """Return one line of CSV without its end; None is an empty field, true and false are words."""
    return ",".join([field(cell) for cell in cells])


def csv_text(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return lines of CSV; the cells are texts, booleans or None."""
    return "".join([f"{csv_line(row)}\n" for row in rows]).encode("utf-8", "backslashreplace")


def ndjson_text(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return one JSON object a line; the cells are JSON values."""
    keys = [json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in names]
    template = "{" + ",".join(f"{key}:%s" for key in keys) + "}\n"
    encode = json.JSONEncoder(ensure_ascii=False).encode
    lines = [template % tuple([encode(cell) for cell in row]) for row in rows]
    return "".join(lines).encode("utf-8", "backslashreplace")


def field(cell: Any) -> str:
    """Write a text, boolean or None as a field of CSV."""
    if cell is None:
        return ""
    word = cell if isinstance(cell, str) else "true" if cell else "false"
    if _QUOTED.isdisjoint(word) and word == word.strip():
        return word
    doubled = word.replace('"', '""')
    return f'"{doubled}"'


def split(chunk: str) -> Rows:
    """Take whole lines of CSV apart; raises Problem `malformed_body`."""
    if '"' not in chunk and "\r" not in chunk:
        return [list(line.split(",")) for line in chunk.split("\n") if line]
    rows = csv.reader(io.StringIO(chunk.replace("\r\n", "\n"), newline=""), strict=True)
    try:
        return [list(row) for row in rows if row]
    except csv.Error:
        detail = "The CSV has a field whose quotation marks do not match, or that is too long."
        hint = 'Put fields with commas, quotes or line ends in "...", and double the quotes inside.'
        raise _malformed(detail, hint) from None


def _next(chunk: str) -> int:
    """Return where the first row ends, 0 if it is not complete."""
    odd, place = False, 0
    while end := chunk.find("\n", place) + 1:
        odd ^= bool(chunk.count('"', place, end) & 1)
        if not odd:
            return end
        place = end
    return 0


def _malformed(detail: str, hint: str) -> Problem:
    return refusal("malformed_body", detail, hint)


def _not_lines(detail: str) -> Problem:
    return _malformed(detail, "Send one JSON object a line, in UTF-8.")


def _too_long() -> Problem:
    detail = f"The CSV has a row of more than {_RECORD} characters, or a quotation mark that is never closed."
    return _malformed(detail, 'Double the quotes inside of "...".')
