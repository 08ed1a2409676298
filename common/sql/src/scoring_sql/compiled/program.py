"""A program: values computed from earlier ones, to be columns of sub-selects or variables of a function."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """A named expression over the sources' columns or earlier values."""

    name: str
    sql: str
    level: int
    """0 for one that reads the source; otherwise one more than the highest level that it reads."""
    reads: tuple[str, ...]


class Program:
    """Values in the order in which they can be computed."""

    def __init__(self, prefix: str) -> None:
        self.values: dict[str, Value] = {}
        self._prefix = prefix
        self._known: dict[str, str] = {}

    def source(self, sql: str) -> str:
        """Add a value that reads the source; give its name."""
        return self._add(sql, (), 0)

    def add(self, sql: str, *reads: str) -> str:
        """Add a value that reads others; give its name. One that is there already is not added again."""
        return self._add(sql, reads, 1 + max(self.values[name].level for name in reads) if reads else 0)

    def levels(self, kept: Sequence[str]) -> Iterator[tuple[list[Value], list[str]]]:
        """Give for each level its values, and the names of earlier ones that are needed at a later level."""
        top = max((self.values[name].level for name in kept), default=0)
        last = dict.fromkeys(kept, top + 1)
        for value in self.values.values():
            for name in value.reads:
                last[name] = max(last.get(name, 0), value.level)
        for level in range(top + 1):
            here = [value for value in self.values.values() if value.level == level and value.name in last]
            carried = [
                value.name
                for value in self.values.values()
                if value.level < level and last.get(value.name, 0) > level
            ]
            yield here, carried

    def _add(self, sql: str, reads: tuple[str, ...], level: int) -> str:
        if sql in self._known:
            return self._known[sql]
        name = f"{self._prefix}{len(self.values)}"
        self.values[name] = Value(name, sql, level, tuple(dict.fromkeys(reads)))
        self._known[sql] = name
        return name
