"""The transform graph while it is being drawn; `scoring._engine.Pipeline` reads what it writes."""

import math
from collections.abc import Sequence
from typing import Any

from scoring.document import write_document
from scoring.problem import Problem

FORMAT = 1


class Graph:
    """Columns and the operations that make them.

    Columns are numbered: the inputs from 0, then one for each operation in the order of `add`. An operation
    that is there already is not added again.
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = tuple(inputs)
        self._nodes: list[dict[str, Any]] = []
        self._columns: dict[str, int] = {}

    def add(self, op: str, *of: int, **options: Any) -> int:
        """Add an operation over earlier columns and return the number of the column that it makes."""
        node = {"op": op, "of": list(of), **{key: _plain(value) for key, value in options.items()}}
        try:
            key = write_document(node).decode()
        except ValueError:
            raise Problem(
                "model_not_supported",
                400,
                f"A transform has an infinite constant ({op} {options}).",
                "Look at the fitted attributes of the transforms; refit them on finite data.",
            ) from None
        if key not in self._columns:
            self._columns[key] = len(self.inputs) + len(self._nodes)
            self._nodes.append(node)
        return self._columns[key]

    def used(self, outputs: Sequence[int]) -> list[int]:
        """List the inputs that some of the columns `outputs` depend on, ascending."""
        return [column for column in self._reached(outputs) if column < len(self.inputs)]

    def to_bytes(self, outputs: Sequence[int], names: Sequence[str], inputs: Sequence[int]) -> bytes:
        """Write features.json: the columns `outputs`, called `names`, go to the forest.

        `inputs` are the positions of the inputs to keep, at least those that the outputs need. Operations
        that no output depends on are left out.
        """
        count = len(self.inputs)
        nodes = [column for column in self._reached(outputs) if column >= count]
        place = {column: number for number, column in enumerate([*inputs, *nodes])}
        return write_document(
            {
                "format": FORMAT,
                "inputs": [self.inputs[column] for column in inputs],
                "nodes": [self._moved(self._nodes[column - count], place) for column in nodes],
                "outputs": [place[column] for column in outputs],
                "names": list(names),
            }
        )

    def _reached(self, outputs: Sequence[int]) -> list[int]:
        reached = set(outputs)
        for column in range(len(self.inputs) + len(self._nodes) - 1, len(self.inputs) - 1, -1):
            if column in reached:
                reached.update(self._nodes[column - len(self.inputs)]["of"])
        return sorted(reached)

    @staticmethod
    def _moved(node: dict[str, Any], place: dict[int, int]) -> dict[str, Any]:
        return {**node, "of": [place[column] for column in node["of"]]}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return None if math.isnan(value) else float(value)
