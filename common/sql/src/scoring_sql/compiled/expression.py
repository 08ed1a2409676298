"""Trees and forests as SQL expressions over feature columns that hold no NaN and no number near 0 but 0."""

import math
from collections.abc import Callable, Sequence

from scoring_sql.compiled.dialect import Dialect
from scoring_sql.compiled.tree import ZERO, Choice, Leaf, Node, Split, depth

Name = Callable[[int, bool], str]
"""A feature's number, and whether it is wanted as a category, to the column that holds it."""

_MOST_LISTED = 1000  # Oracle's limit of an IN list


def tree_sql(tree: Node, dialect: Dialect, name: Name) -> str:
    """Write a tree as one CASE expression: nested, or a list of its leaves where that would nest too deep."""
    most = dialect.limits.nesting
    if most is not None and depth(tree) > most:
        return _flat(tree, dialect, name)
    return _nested(tree, dialect, name)


def _nested(tree: Node, dialect: Dialect, name: Name) -> str:
    """Write what a missing value does as ELSE, so that no test for it is needed (NULL fails every WHEN)."""
    parts: list[str] = []
    waiting: list[Node | str] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, Leaf):
            parts.append(dialect.number(node.value))
        else:
            test, then, other = _test(node, dialect, name)
            if test is None:
                waiting.append(then)
            else:
                parts.append(f"CASE WHEN {test} THEN ")
                waiting += [" END", other, " ELSE ", then]
    return "".join(parts)


def _test(node: Split | Choice, dialect: Dialect, name: Name) -> tuple[str | None, Node, Node]:
    """Give a condition that is not true for a missing value that goes elsewhere, and both ways on.

    Without a condition every row takes the first way.
    """
    if isinstance(node, Choice):
        if not node.categories:
            return None, node.right, node.left
        return _among(name(node.feature, True), node.categories), node.left, node.right
    column, threshold = name(node.feature, False), node.threshold
    zero = f" AND {column} <> 0" if node.missing == ZERO else ""
    if node.missing == ZERO and not math.isfinite(threshold):
        # All numbers go one way; 0 and a missing value may go another.
        everything, nothing = (node.left, node.right) if threshold > 0 else (node.right, node.left)
        if node.missing_left == (threshold > 0):
            return None, everything, nothing
        return f"{column} <> 0", everything, nothing
    if threshold == math.inf:
        return (
            (None, node.left, node.right)
            if node.missing_left
            else (f"{column} IS NOT NULL", node.left, node.right)
        )
    if threshold == -math.inf and not dialect.infinite:
        if node.missing_left:
            return f"{column} IS NOT NULL", node.right, node.left
        return None, node.right, node.left
    if node.missing_left:
        return f"{column} > {dialect.literal(threshold)}{zero}", node.right, node.left
    return f"{column} <= {dialect.literal(threshold)}{zero}", node.left, node.right


def _among(column: str, categories: Sequence[int]) -> str:
    pieces = [categories[start : start + _MOST_LISTED] for start in range(0, len(categories), _MOST_LISTED)]
    lists = [f"{column} IN ({', '.join(map(str, piece))})" for piece in pieces]
    return lists[0] if len(lists) == 1 else f"({' OR '.join(lists)})"


def _flat(tree: Node, dialect: Dialect, name: Name) -> str:
    """Write one WHEN a leaf, each with all conditions on the way to it; the last leaf is ELSE."""
    whens: list[str] = []
    waiting: list[tuple[Node, tuple[str, ...]]] = [(tree, ())]
    last = ""
    while waiting:
        node, path = waiting.pop()
        if isinstance(node, Leaf):
            last = dialect.number(node.value)
            whens.append(f"WHEN {' AND '.join(path) or '1 = 1'} THEN {last}")
            continue
        test, then, other = _test(node, dialect, name)
        if test is None:
            waiting.append((then, path))
            continue
        # WHENs are tried in order and the leaves below `then` catch all rows that pass the test, so the
        # leaves below `other` need not deny it.
        waiting += [(other, path), (then, (*path, test))]
    return f"CASE {' '.join(whens[:-1])} ELSE {last} END" if len(whens) > 1 else last
