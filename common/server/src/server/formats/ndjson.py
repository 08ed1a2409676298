"""NDJSON: one JSON object a line, a member for each field.

The first line says which fields there are; later lines may have their members in another order. Blank lines
are skipped. In answers numbers are JSON numbers, a value that is not a number is null, and infinities are
"Infinity" and "-Infinity".
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from scoring.cell import kind, number_text
from scoring.fault import Fault, Faults, refusal
from scoring.problem import Problem
from scoring.spelling import quoted

from server.formats.batch import Batch, Decoder, Rows
from server.formats.encoder import Encoder, Layout, Part

_LINE: Final = 4 << 20
"""Bytes of one line at most."""
_DECODER: Final = json.JSONDecoder(object_pairs_hook=list)  # pairs, so that twins are seen
_ENDLESS: Final = {"Infinity": '"Infinity"', "-Infinity": '"-Infinity"', "NaN": "null"}


class NdjsonDecoder(Decoder):
    """Reads NDJSON. `inputs` are the fields that every line must have; none if the deployment is lenient.

    What is wrong with single rows is noted in `faults`.
    """

    def __init__(self, inputs: Sequence[str], faults: Faults) -> None:
        self._inputs = inputs
        self._faults = faults
        self._rest = b""
        self._line = 0
        self._row = 0

    def decode(self, data: bytes, last: bool) -> Iterator[Batch]:
        """Give the rows of the lines that are complete; see `Decoder.decode`."""
        data = self._rest + data
        end = len(data) if last else data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) > _LINE:
            raise _malformed(f"Line {self._line + 1} has more than {_LINE} bytes.")
        rows = []
        for line in data[:end].removesuffix(b"\n").split(b"\n") if end else ():
            self._line += 1
            if line.strip():
                rows.append(self._cells(line))
                self._row += 1
        if rows:
            yield Rows(rows)
        elif last and self.fields is None:
            raise refusal("malformed_body", "The body is empty.", "Send one JSON object a line.")

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
            raise _malformed(f"{where} is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise _malformed(f"{where} is not JSON: reading stopped at column {error.colno}.") from None
        except RecursionError:
            raise _malformed(f"{where} is nested too deep.") from None
        except ValueError:  # Python reads integers of at most 4300 digits
            raise _malformed(f"{where} has an integer of too many digits.") from None
        if not text.startswith("{"):
            raise _malformed(f"{where} is {kind(pairs)}, but an object is wanted.")
        return pairs


class NdjsonEncoder(Encoder):
    """Writes NDJSON."""

    def head(self, layout: Layout) -> bytes:
        """Begin; see `Encoder.head`."""
        keys = [json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in layout.names]
        self._template = "{" + ",".join(f"{key}:%s" for key in keys) + "}\n"
        return b""

    def body(self, parts: Sequence[Part]) -> bytes:
        """Return a line for each row; see `Encoder.body`."""
        columns: list[Sequence[str]] = []
        for part in parts:
            if isinstance(part, np.ndarray):
                plain = repr if np.isfinite(part).all() else _number
                columns += [[plain(value) for value in column.tolist()] for column in part.T]
            else:
                columns.append([_json(cell) for cell in _listed(part)])
        template = self._template
        lines = "".join([template % cells for cells in zip(*columns, strict=True)])
        return lines.encode("utf-8", "backslashreplace")


def _number(value: float) -> str:
    digits = number_text(value)
    return _ENDLESS.get(digits, digits)


def _json(cell: Any) -> str:
    if isinstance(cell, float):
        return _number(cell)
    if cell is None or isinstance(cell, str | bool | int):
        return json.dumps(cell, ensure_ascii=False)
    return json.dumps(cell.isoformat() if hasattr(cell, "isoformat") else str(cell), ensure_ascii=False)


def _listed(part: Any) -> Sequence[Any]:
    listed: Sequence[Any] = part.to_pylist() if hasattr(part, "to_pylist") else part
    return listed


def _malformed(detail: str) -> Problem:
    return refusal("malformed_body", detail, "Send one JSON object a line, in UTF-8.")
