"""Columns: where in the rows of a request the inputs of the schema stand, and the doubles found there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from scoring._engine import Matrix, Rows
from scoring.cell import kind
from scoring.fault import COUNTED, Fault, Faults
from scoring.reader import NAN, Reader, is_plain
from scoring.spelling import nearest, quoted


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields of a request against the inputs of a schema.

    Attributes:
        fields: Names in the order of the request's cells.
        positions: For each input of the schema the position of its cell in a row, None if the request lacks
            it.
        readers: The reader of each input.
        plain: The engine's reader of plain rows, None if there are no fields.
    """

    fields: tuple[str, ...]
    positions: tuple[int | None, ...]
    readers: tuple[Reader, ...]
    plain: Rows | None
    _cells: tuple[tuple[Callable[[object], float], int], ...]
    _pick: Callable[[Sequence[object]], Sequence[object]] | None
    _read: frozenset[int | None]

    @classmethod
    def of(cls, fields: Sequence[str], readers: tuple[Reader, ...]) -> "Columns":
        """Match names with inputs; a name given twice means its last place."""
        places = {name: position for position, name in enumerate(fields)}
        positions = tuple(places.get(reader.field.name) for reader in readers)
        cells = tuple(
            (_absent, 0) if position is None else (reader.cell, position)
            for reader, position in zip(readers, positions, strict=True)
        )
        pick = None
        if all(reader.reads_floats for reader in readers) and None not in positions and len(positions) > 1:
            in_order = positions == tuple(range(len(fields)))
            pick = _whole if in_order else itemgetter(*positions)
        plain = (
            Rows(
                len(fields),
                tuple(
                    None if position is None else (position, reader.plain)
                    for reader, position in zip(readers, positions, strict=True)
                ),
            )
            if fields and readers
            else None
        )
        return cls(tuple(fields), positions, readers, plain, cells, pick, frozenset(positions))

    def row(self, cells: Sequence[object]) -> list[float]:
        """Return one row as doubles in schema order; raises CellError. The row must have all its cells."""
        if self._pick is not None:
            # Most rows are nothing but ordinary numbers, which float() reads as the readers do.
            picked = self._pick(cells)
            try:
                values = list(map(float, picked))  # type: ignore[arg-type]
                total = sum(values)
                if total - total == 0.0 and is_plain(picked):
                    return values
            except (ValueError, TypeError, OverflowError):
                pass
        return [read(cells[position]) for read, position in self._cells]

    def matrix(self, rows: Sequence[Sequence[object]], faults: Faults, numbers: Sequence[int]) -> Matrix:
        """Return rows as a Matrix of shape (rows, inputs), noting every cell that cannot be read in `faults`.

        All rows must have as many cells as there are fields. `numbers` are the rows' numbers in the request.
        """
        values = Matrix.filled(len(rows), len(self.readers))
        most = COUNTED
        for column, (reader, position) in enumerate(zip(self.readers, self.positions, strict=True)):
            if position is None:
                continue
            doubles, errors = reader.column(list(map(itemgetter(position), rows)), most)
            values.put(column, doubles)
            for index, error in errors[: faults.named]:
                row, name = numbers[index], reader.field.name
                sent = f"{reader.expected} is wanted, but {error.found} was sent"
                detail = f"Row {row}, field {quoted(name)}: {sent}."
                faults.add_at(row, position, Fault(error.code, detail, name, row, reader.advice))
            faults.more(len(errors) - faults.named, cut=len(errors) >= most)
            if len(faults) >= COUNTED:  # enough to count; go on only to list the first ones row by row
                most = faults.named
        return values

    def echoes_read_cells(self, echoed: Iterable[int]) -> bool:
        """Tell whether all of some positions are of cells that `row` reads, and so checks."""
        return self._read.issuperset(echoed)

    def good_rows(self, rows: Sequence[object], faults: Faults, start: int = 0) -> Sequence[int]:
        """Return the places of the rows that are arrays of the right length; note the others in `faults`.

        `start` is the number of the first of these rows in the request.
        """
        width = len(self.fields)
        if set(map(type, rows)) == {list} and set(map(len, rows)) == {width}:  # type: ignore[arg-type]
            return range(len(rows))
        good: list[int] = []
        bad = 0
        for number, row in enumerate(rows):
            if isinstance(row, list) and len(row) == width:
                good.append(number)
                continue
            bad += 1
            if bad <= faults.named:
                faults.add_at(start + number, -1, _bad_row(start + number, row, width))
        faults.more(bad - faults.named)
        return good

    def check_echo(
        self, position: int, rows: Sequence[Sequence[object]], faults: Faults, numbers: Sequence[int]
    ) -> None:
        """Note the cells at a position that nobody reads but the answer repeats, and that are no cells."""
        if position in self._read:
            return
        name = self.fields[position]
        for number, row in zip(numbers, rows, strict=True):
            if isinstance(row[position], list | dict):
                detail = (
                    f"Row {number}, field {quoted(name)}: {kind(row[position])} was sent, which is no cell."
                )
                hint = "Send a string, a number, a boolean or null."
                faults.add_at(number, position, Fault("not_a_cell", detail, name, number, hint))


def check_fields(
    fields: Sequence[object], readers: Sequence[Reader], lenient: bool, faults: Faults
) -> list[str]:
    """Return `fields`, noting what is wrong: an entry that is no string, a name twice, an input missing.

    Extra names are allowed, missing ones only if `lenient`. What is no string becomes "", so that places
    stay.
    """
    names = [name if isinstance(name, str) else "" for name in fields]
    counts: dict[str, int] = {}
    for position, name in enumerate(fields):
        if not isinstance(name, str):
            detail = f"Entry {position} of fields is {kind(name)}, but text is wanted."
            faults.add("wrong_type", detail, "fields")
            continue
        counts[name] = counts.get(name, 0) + 1
        if counts[name] == 2:
            detail = f"The field {quoted(name)} is named twice."
            faults.add("duplicate_field", detail, name, "Name each field once.")
    if not lenient:
        wanted = {reader.field.name for reader in readers}
        extras = [name for name in counts if name not in wanted]
        for reader in readers:
            if reader.field.name not in counts:
                _miss(reader.field.name, extras, faults)
    return names


def _miss(name: str, extras: list[str], faults: Faults) -> None:
    hint = "Add the field; a value that is not known can be null."
    if len(faults) < faults.named and (close := nearest(name, extras)) is not None:
        extras.remove(close)  # one misspelt name stands for one input
        hint = f"Rename the field {quoted(close)} to {quoted(name)}."
    faults.add("missing_field", f"The field {quoted(name)} is missing.", name, hint)


def _bad_row(number: int, row: object, width: int) -> Fault:
    if isinstance(row, list):
        detail = f"Row {number} has {len(row)} cells, but there are {width} fields."
        hint = "Send one cell for each field; a value that is not known can be null."
        return Fault("row_length", detail, None, number, hint)
    detail = f"Row {number} is {kind(row)}, but an array of cells is wanted."
    return Fault("wrong_type", detail, None, number, "Send the cells in the order of fields.")


def _whole(cells: Sequence[object]) -> Sequence[object]:
    return cells


def _absent(_: object) -> float:
    return NAN
