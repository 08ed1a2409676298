"""Responses: scores and contributions -> the JSON bytes of an answer.

Numbers are written as strings that hold the shortest decimal which reads back as the same double, as
Python's `repr` has it (`0.1`, `1e-05`); a request with `typedOutput` gets JSON numbers with the same
digits. NaN is null and the infinities are the strings "Infinity" and "-Infinity" in both, since JSON has no
numbers for them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from json.encoder import (
    encode_basestring as quote,  # the C function that json.dumps(..., ensure_ascii=False) calls
)
from typing import TYPE_CHECKING, Any, Final, Literal

from scoring._engine import row_texts, table_text
from scoring.cell import as_truth, number_text, text
from scoring.request import Request
from scoring.schema import FLOAT32, FLOAT64, INT32, INT64

if TYPE_CHECKING:
    from typing_extensions import Buffer

NUMERIC: Final = (FLOAT32, FLOAT64, INT32, INT64)
_NEXT_ROW: Final = "],["
_NEXT_CELL: Final = '","'
_VERSION: Final = bytes(octet & 0x0F | 0x40 for octet in range(256))
_VARIANT: Final = bytes(octet & 0x3F | 0x80 for octet in range(256))
_INFINITE: Final = {"Infinity": '"Infinity"', "-Infinity": '"-Infinity"', "NaN": "null"}


@dataclass(frozen=True, slots=True)
class Distances:
    """How far rows lie off the training rows, and whether that is more than the threshold."""

    lengths: Sequence[float]
    flags: Sequence[bool]
    threshold: float


class ResponseWriter:
    """Writes the answers of one scorer. May be shared by threads.

    `inputs` and `features` are the names whose contributions are ORIGINAL and TRANSFORMED. `labels` are the
    classes of a scorer with contributions for every class; give none for regression and binomial scorers,
    which have one group.
    """

    def __init__(
        self,
        identifier: str,
        outputs: Sequence[str],
        inputs: Sequence[str],
        features: Sequence[str],
        labels: Sequence[str] = (),
    ) -> None:
        self._id = f'{{"id":{quote(identifier)}'
        self._outputs = tuple(outputs)
        self._named = f'{self._id},"fields":{_names(outputs)},"score":'
        self._labels = tuple(quote(label) for label in labels)
        self._features = {
            kind: (_names([*(f"contrib_{name}" for name in names), "contrib_bias"]), len(names) + 1)
            for kind, names in (("ORIGINAL", inputs), ("TRANSFORMED", features))
        }

    def score(
        self,
        request: Request,
        scores: "Sequence[float] | Buffer",
        contributions: "Buffer | None" = None,
        distances: Distances | None = None,
    ) -> bytes:
        """Return the body of a score response.

        `scores` are the outputs of the request's only row, or float64 of shape (rows, outputs): a Matrix or
        any other array.
        `contributions` are as `contribution` takes them; `distances` are of the rows.
        """
        if not request.echoed and request.new_id is None:
            write = _row if isinstance(scores, tuple | list) else self._table
            rows = write(scores, request.typed)  # type: ignore[arg-type]
            head = self._named
        else:
            columns, names = _echo(request)
            if isinstance(scores, tuple | list):
                columns.append([",".join(_number(value, request.typed) for value in scores)])
            else:
                columns.append(row_texts(scores, _style(request.typed)))  # type: ignore[arg-type]
            rows = f"[[{'],['.join(map(','.join, zip(*columns, strict=True)))}]]"
            head = f'{self._id},"fields":{_names([*names, *self._outputs])},"score":'
        if not request.named:
            head = f'{self._id},"score":'
        if contributions is not None:
            rows = f'{rows},"featureShapleyContributions":{self._groups(request, contributions)}'
        if distances is not None:
            rows = f"{rows},{_flags(distances, request.typed)}"
        return _encoded(f"{head}{rows}}}")

    def contribution(self, request: Request, contributions: "Buffer") -> bytes:
        """Return the body of a contribution response.

        `contributions` is float64 of shape (rows, groups * (names + 1)): for each group its names, then the
        bias.
        """
        return _encoded(self._groups(request, contributions))

    def _table(self, scores: "Buffer", typed: bool) -> str:
        return _table(scores, typed, 0, len(self._outputs))

    def _groups(self, request: Request, contributions: "Buffer") -> str:
        assert request.shapley is not None
        features, width = self._features[request.shapley]
        if not self._labels:
            groups = f'{{"contributions":{_table(contributions, request.typed, 0, width)}}}'
        else:
            groups = ",".join(
                f'{{"outputGroup":{label},"contributions":'
                f"{_table(contributions, request.typed, number * width, width)}}}"
                for number, label in enumerate(self._labels)
            )
        return f'{{"features":{features},"contributionGroups":[{groups}]}}'


def _flags(distances: Distances, typed: bool) -> str:
    flags = ",".join("true" if flag else "false" for flag in distances.flags)
    lengths = ",".join(_number(length, typed) for length in distances.lengths)
    threshold = _number(distances.threshold, typed)
    return f'"outOfDistribution":[{flags}],"distances":[{lengths}],"distanceThreshold":{threshold}'


def _names(names: Sequence[str]) -> str:
    return f"[{','.join(map(quote, names))}]"


def _encoded(document: str) -> bytes:
    # A lone surrogate, which JSON may carry as an escape but UTF-8 may not, becomes an escape again.
    return document.encode("utf-8", "backslashreplace")


def _row(values: Sequence[float], typed: bool) -> str:
    total = sum(values)
    if (
        total - total != 0.0
    ):  # NaN or infinite, or finite values with an infinite sum: the careful way is right too
        return f"[[{','.join(_number(value, typed) for value in values)}]]"
    return f"[[{','.join(map(repr, values))}]]" if typed else f'[["{_NEXT_CELL.join(map(repr, values))}"]]'


def _table(matrix: "Buffer", typed: bool, first: int, count: int) -> str:
    """Write `count` columns of a matrix from `first` on."""
    return f"[[{table_text(matrix, _style(typed), _NEXT_ROW, first, count)}]]"


def _style(typed: bool) -> "Literal['quoted', 'typed']":
    return "typed" if typed else "quoted"


def _number(value: float, typed: bool) -> str:
    digits = number_text(value)
    return _INFINITE.get(digits) or (digits if typed else f'"{digits}"')


def _echo(request: Request) -> tuple[list[Sequence[str]], list[str]]:
    """Return the columns that the answer repeats, then the fresh ids, as JSON; and their names."""
    columns: list[Sequence[str]] = []
    names: list[str] = []
    inputs = dict(zip(request.columns.positions, request.columns.readers, strict=True))
    for position in request.echoed:
        names.append(request.columns.fields[position])
        cells = [row[position] for row in request.rows]
        if request.typed:
            columns.append([_typed(cell) for cell in cells])
            continue
        reader = inputs.get(position)
        numeric = reader is not None and reader.field.type in NUMERIC
        columns.append([_string(cell, numeric) for cell in cells])
    if request.new_id is not None:
        names.append(request.new_id)
        columns.append([f'"{identifier}"' for identifier in fresh_ids(len(request.rows))])
    return columns, names


def _string(cell: Any, numeric: bool) -> str:
    if numeric and (truth := as_truth(cell)) is not None:
        return f'"{truth}"'
    if isinstance(cell, str):
        return quote(cell)
    if cell is None or cell != cell:
        return "null"
    return f'"{text(cell)}"'


def _typed(cell: Any) -> str:
    if isinstance(cell, str):
        return quote(cell)
    if cell is None:
        return "null"
    return _number(cell, typed=True) if isinstance(cell, float) else text(cell)


def fresh_ids(count: int) -> list[str]:
    """Return random UUIDs (RFC 9562, version 4) as text, from the operating system's random bytes."""
    octets = bytearray(os.urandom(16 * count))
    octets[6::16] = octets[6::16].translate(_VERSION)
    octets[8::16] = octets[8::16].translate(_VARIANT)
    digits = octets.hex()
    return [
        f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}"
        for one in (digits[start : start + 32] for start in range(0, 32 * count, 32))
    ]
