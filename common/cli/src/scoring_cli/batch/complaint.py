"""Complaints: the faults of a whole run, the first kept for people, all listed in a file."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO, Self

from scoring.cell import CellError

from scoring_cli.batch.chunk import Chunk
from scoring_cli.batch.fault import LISTED, Fault
from scoring_cli.batch.numbers import Column, Faulty
from scoring_cli.batch.output import open_output


class Complaints:
    """Collects faults; a context manager around the run.

    The file has the columns line (or row), field and code. It appears when the run ends well and there is a
    fault.
    """

    def __init__(self, path: str | None, unit: str) -> None:
        self.path = path
        self.count = 0
        self.first: list[Fault] = []
        self._unit = unit
        self._stack = contextlib.ExitStack()
        self._stream: BinaryIO | None = None

    def add(self, chunk: Chunk, faulty: Mapping[Column, Faulty], briefly: bool) -> None:
        """Note the faults of a chunk in the order of rows; if `briefly`, only as many as a message lists."""
        places = chunk.places()
        found: list[tuple[int, int, Fault]] = []
        for row, fault in chunk.broken.items():
            found.append((row, -1, replace(fault, place=int(places[row]))))
        for position, (column, cells) in enumerate(faulty.items()):
            most = LISTED if briefly else len(cells.rows)
            for row, kind in zip(cells.rows[:most].tolist(), cells.kinds[:most].tolist(), strict=True):
                fault = _fault(column, cells.errors[kind])
                found.append((row, position, replace(fault, place=int(places[row]))))
        found.sort(key=lambda entry: entry[:2])
        faults = [fault for _, _, fault in found]
        self.count += len(faults)
        self.first += faults[: LISTED - len(self.first)]
        if self.path is not None and not briefly:
            self._list(self.path, faults)

    def _list(self, path: str, faults: list[Fault]) -> None:
        if self._stream is None:
            self._stream = self._stack.enter_context(open_output(path))
            self._stream.write(f"{self._unit},field,code\n".encode())
        lines = [f"{fault.place},{_quoted(fault.field)},{fault.code}\n" for fault in faults]
        self._stream.write("".join(lines).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _fault(column: Column, error: CellError) -> Fault:
    detail = f"{column.reader.expected} is wanted, but the cell holds {error.found}."
    return Fault(0, column.field.name, error.code, detail, _ADVICE.get(error.code, ""))


def _quoted(name: str) -> str:
    special = any(letter in name for letter in ',"\r\n')
    return '"' + name.replace('"', '""') + '"' if special else name


_ADVICE = {
    "not_a_boolean": "Write true or false, 1 or 0, or leave the cell empty.",
    "not_a_number": "Write a decimal number such as 5.1 or 1e-3, or leave the cell empty.",
    "not_a_time": "Write a time such as 2018-01-31T23:59:59Z, or 2018-01-31, or leave the cell empty.",
    "number_out_of_range": "No double holds a number that large; mend it or leave the cell empty.",
    "not_a_cell": "Write a string, a number, true, false or null.",
}
"""What to do about a cell, by the code of its fault."""
