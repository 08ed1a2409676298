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

    def to_bytes(self, outputs: Sequence[int], names: Sequence[str]) -> bytes:
        """Write features.json: the columns `outputs`, called `names`, go to the forest."""
        return write_document(
            {
                "format": FORMAT,
                "inputs": list(self.inputs),
                "nodes": self._nodes,
                "outputs": list(outputs),
                "names": list(names),
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return None if math.isnan(value) else float(value)
