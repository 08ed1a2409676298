"""Trees as plain data, read from the forest's text (LightGBM's format, versions 3 and 4)."""

from collections.abc import Iterator
from dataclasses import dataclass

from scoring.forest import read_header
from scoring.problem import Problem

NONE, ZERO, NAN = 0, 1, 2
"""What a node takes for a missing value: nothing, 0 and the missing value, the missing value alone."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a row ends, and what it adds to the raw score."""

    value: float


@dataclass(frozen=True, slots=True)
class Split:
    """A node that compares: rows with `feature <= threshold` go left."""

    feature: int
    threshold: float
    missing: int
    default_left: bool
    left: "Node"
    right: "Node"

    @property
    def missing_left(self) -> bool:
        """Where a missing value goes; without a missing type it counts as 0."""
        return self.threshold >= 0.0 if self.missing == NONE else self.default_left


@dataclass(frozen=True, slots=True)
class Choice:
    """A node that looks a category up: rows whose category is one of these go left, all others right."""

    feature: int
    categories: tuple[int, ...]
    left: "Node"
    right: "Node"


Node = Leaf | Split | Choice


@dataclass(frozen=True)
class Forest:
    """Trees in order; tree t adds to raw score t modulo `outputs`."""

    trees: tuple[Node, ...]
    outputs: int
    average: bool
    objective: tuple[str, ...]
    """The objective's name and its parameters, in the words of the model's text."""

    def features(self) -> list[int]:
        """List the features that some node asks for, ascending."""
        return sorted({feature for tree in self.trees for feature in _features(tree)})

    def chosen(self) -> set[int]:
        """Give the features that some node takes as a category."""
        return {node.feature for tree in self.trees for node in walk(tree) if isinstance(node, Choice)}


def read_forest(text: str) -> Forest:
    """Read the forest of an artifact; raises Problem when a tree is one of linear models."""
    header = read_header(text)
    blocks = text.replace("\r\n", "\n").partition("\nend of trees")[0].split("\nTree=")[1:]
    trees = tuple(_tree(dict(_pairs(block))) for block in blocks)
    return Forest(trees, header.outputs, header.average, tuple(header.objective.split()))


def walk(node: Node) -> Iterator[Node]:
    """Visit a node and all below it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        if not isinstance(found, Leaf):
            waiting += [found.right, found.left]


def depth(node: Node) -> int:
    """Count the splits on the longest path; 0 for a leaf."""
    deepest, waiting = 0, [(node, 0)]
    while waiting:
        found, level = waiting.pop()
        deepest = max(deepest, level)
        if not isinstance(found, Leaf):
            waiting += [(found.left, level + 1), (found.right, level + 1)]
    return deepest


def _features(tree: Node) -> Iterator[int]:
    return (node.feature for node in walk(tree) if not isinstance(node, Leaf))


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in block.split("\n")[1:]:
        key, _, value = line.partition("=")
        if key:
            yield key, value


def _tree(body: dict[str, str]) -> Node:
    if body.get("is_linear", "0") != "0":
        raise Problem(
            "model_not_supported",
            501,
            "The forest has linear trees, which have no form in SQL.",
            "Train without linear_tree.",
        )
    leaves = [Leaf(float(value)) for value in body["leaf_value"].split()]
    if int(body["num_leaves"]) == 1:
        return leaves[0]
    features = _integers(body["split_feature"])
    thresholds = [float(value) for value in body["threshold"].split()]
    decisions = _integers(body["decision_type"])
    left, right = _integers(body["left_child"]), _integers(body["right_child"])
    starts, words = _integers(body.get("cat_boundaries", "")), _integers(body.get("cat_threshold", ""))
    made: list[Node | None] = [None] * len(features)

    def child(number: int) -> Node:
        found = leaves[~number] if number < 0 else made[number]
        assert found is not None
        return found

    for number in _from_below(left, right):
        decision = decisions[number]
        below = child(left[number]), child(right[number])
        if decision & 1:
            chosen = int(thresholds[number])
            members = words[starts[chosen] : starts[chosen + 1]]
            codes = tuple(32 * w + b for w, word in enumerate(members) for b in range(32) if word >> b & 1)
            made[number] = Choice(features[number], codes, *below)
        else:
            missing, default_left = decision >> 2 & 3, bool(decision & 2)
            made[number] = Split(features[number], thresholds[number], missing, default_left, *below)
    return child(0)


def _from_below(left: list[int], right: list[int]) -> list[int]:
    """Order nodes so that each comes after those below it."""
    order, waiting = [], [0]
    while waiting:
        number = waiting.pop()
        order.append(number)
        waiting += [below for below in (left[number], right[number]) if below >= 0]
    return order[::-1]


def _integers(text: str) -> list[int]:
    return [int(word) for word in text.split()]
