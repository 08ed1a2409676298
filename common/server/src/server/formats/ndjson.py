"""NDJSON: one JSON object a line, a member for each field.

The first line says which fields there are; later lines may have their members in another order. Blank lines
are skipped. In answers numbers are JSON numbers, a value that is not a number is null, and infinities are
"Infinity" and "-Infinity".
"""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from scoring._engine import Matrix
from scoring.cell import number_text
from scoring.fault import Faults
from scoring.lines import NdjsonReader

from server.formats.batch import Batch, Decoder, Rows
from server.formats.encoder import Encoder, Layout, Part

_ENDLESS: Final = {"Infinity": '"Infinity"', "-Infinity": '"-Infinity"', "NaN": "null"}


class NdjsonDecoder(Decoder):
    """Reads NDJSON. `inputs` are the fields that every line must have; none if the deployment is lenient.

    What is wrong with single rows is noted in `faults`.
    """

    def __init__(self, inputs: Sequence[str], faults: Faults) -> None:
        self._reader = NdjsonReader(inputs, faults)

    def decode(self, data: bytes, last: bool) -> Iterator[Batch]:
        """Give the rows of the lines that are complete; see `Decoder.decode`."""
        rows = self._reader.read(data, last)
        self.fields = self._reader.fields
        if rows:
            yield Rows(rows)


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
            if isinstance(part, Matrix):
                for place in range(part.shape[1]):
                    column = part.column(place)
                    columns.append(list(map(repr if math.isfinite(sum(column)) else _number, column)))
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
