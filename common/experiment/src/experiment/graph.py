"""Writing features.json: the transform graph that the engine runs, in training as in scoring."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scoring._engine import Pipeline

from experiment.result import Floats

_DIGITS = 12
"""Significant digits of fitted numbers: more would only make artifacts larger."""


class Graph:
    """A transform graph under construction; columns are numbered, inputs first, then each node's."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = list(inputs)
        self.nodes: list[dict[str, Any]] = []
        self.outputs: list[int] = []
        self.names: list[str] = []
        self._columns = len(self.inputs)

    def node(self, op: str, of: Sequence[int], width: int = 1, **keys: Any) -> int:
        """Add a node with `width` columns; returns the number of the first."""
        assert all(column < self._columns for column in of)
        self.nodes.append({"op": op, "of": list(of), **keys})
        self._columns += width
        return self._columns - width

    def feature(self, column: int, name: str) -> None:
        """Give a column to the forest."""
        self.outputs.append(column)
        self.names.append(name)

    def to_bytes(self) -> bytes:
        """Return the graph as canonical JSON; NaN is null."""
        body = {
            "format": 1,
            "inputs": self.inputs,
            "nodes": [_plain(node) for node in self.nodes],
            "outputs": self.outputs,
            "names": self.names,
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def transform(features: bytes, X: Floats, threads: int = 1) -> Floats:
    """Run a transform graph in the engine: (n, inputs) -> (n, features), both float64."""
    width = len(json.loads(features)["names"])
    return Pipeline(features, _stump(width)).transform(np.ascontiguousarray(X), threads=threads)


def rounded(value: float) -> float:
    """Return a fitted number with the digits that the graph keeps."""
    return float(f"{value:.{_DIGITS}g}")


def rounded_list(values: Floats) -> list[float]:
    """Return fitted numbers (n,) with the digits that the graph keeps."""
    return [rounded(value) for value in values.tolist()]


def _plain(value: Any) -> Any:
    """Replace NaN by None, at any depth."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _stump(features: int) -> bytes:
    """Return a forest of one leaf, which lets the engine run a graph before there is a forest."""
    names = " ".join(f"f{k}" for k in range(features))
    ranges = " ".join(["none"] * features)
    lines = (
        "tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
        f"max_feature_idx={features - 1}", "objective=regression", f"feature_names={names}",
        f"feature_infos={ranges}", "tree_sizes=1", "", "Tree=0", "num_leaves=1", "num_cat=0",
        "split_feature=",
        "split_gain=", "threshold=", "decision_type=", "left_child=", "right_child=", "leaf_value=0",
        "leaf_weight=", "leaf_count=", "internal_value=", "internal_weight=", "internal_count=",
        "is_linear=0",
        "shrinkage=1", "", "", "end of trees", "",
    )  # fmt: skip
    return "\n".join(lines).encode()
