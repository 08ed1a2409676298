"""Contributions of models written by hand: random trees, chains, Shapley values in exact fractions."""

import itertools
import json
import math
from fractions import Fraction

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring import _engine

TOLERANCE = 1e-9


def pipeline(text, names):
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": list(range(len(names))), "names": names}
    return _engine.Pipeline(json.dumps(graph).encode(), text.encode())


class Node:
    """A split or, without a feature, a leaf."""

    def __init__(self, count, value=0.0, feature=None, threshold=0.0, left=None, right=None):
        self.count, self.value, self.feature, self.threshold = count, value, feature, threshold
        self.left, self.right = left, right


def tree_text(root):
    """Write a tree as LightGBM does."""
    splits, leaves, stack = [], [], [root]
    while stack:
        node = stack.pop()
        (leaves if node.feature is None else splits).append(node)
        if node.feature is not None:
            stack += [node.right, node.left]
    number = {id(n): i for i, n in enumerate(splits)} | {id(n): ~i for i, n in enumerate(leaves)}
    fields = {
        "num_leaves": [len(leaves)],
        "num_cat": [0],
        "split_feature": [n.feature for n in splits],
        "split_gain": [1 for _ in splits],
        "threshold": [repr(n.threshold) for n in splits],
        "decision_type": [2 for _ in splits],
        "left_child": [number[id(n.left)] for n in splits],
        "right_child": [number[id(n.right)] for n in splits],
        "leaf_value": [repr(n.value) for n in leaves],
        "leaf_weight": [n.count for n in leaves],
        "leaf_count": [n.count for n in leaves],
        "internal_value": [0 for _ in splits],
        "internal_weight": [0 for _ in splits],
        "internal_count": [n.count for n in splits],
        "is_linear": [0],
        "shrinkage": [1],
    }
    return "\n".join(f"{key}={' '.join(map(str, values))}" for key, values in fields.items())


def model_text(roots, features):
    names = [f"f{i}" for i in range(features)]
    trees = [f"Tree={i}\n{tree_text(root)}\n\n\n" for i, root in enumerate(roots)]
    head = {
        "version": "v4",
        "num_class": 1,
        "num_tree_per_iteration": 1,
        "label_index": 0,
        "max_feature_idx": features - 1,
        "objective": "regression",
        "feature_names": " ".join(names),
        "feature_infos": " ".join(["[-10:10]"] * features),
        "tree_sizes": " ".join(str(len(t)) for t in trees),
    }
    return (
        "tree\n"
        + "\n".join(f"{k}={v}" for k, v in head.items())
        + "\n\n"
        + "".join(trees)
        + "end of trees\n\nend of parameters\n"
    )


def shapley(root, x, features):
    """Work out the parts and the bias from the definition, in fractions."""

    def mean(node, known):
        if node.feature is None:
            return Fraction(node.value)
        if node.feature in known:
            return mean(node.left if x[node.feature] <= node.threshold else node.right, known)
        return sum(
            Fraction(child.count, node.count) * mean(child, known) for child in (node.left, node.right)
        )

    value = {
        s: mean(root, s)
        for r in range(features + 1)
        for s in map(frozenset, itertools.combinations(range(features), r))
    }
    weight = [
        Fraction(math.factorial(k) * math.factorial(features - 1 - k), math.factorial(features))
        for k in range(features)
    ]
    parts = [
        sum(weight[len(s)] * (value[s | {i}] - value[s]) for s in value if i not in s)
        for i in range(features)
    ]
    return [float(p) for p in [*parts, value[frozenset()]]]


@st.composite
def trees(draw, features=4, depth=7):
    def node(level):
        if level == depth or (level > 0 and draw(st.integers(0, 3)) == 0):
            return Node(draw(st.integers(1, 50)), draw(st.floats(-100, 100, width=32)))
        left, right = node(level + 1), node(level + 1)
        threshold = draw(st.integers(-3, 3)) + 0.5
        return Node(left.count + right.count, 0.0, draw(st.integers(0, features - 1)), threshold, left, right)

    return node(0)


@settings(max_examples=60, deadline=None)
@given(trees(), st.lists(st.integers(-4, 4), min_size=4, max_size=4))
def test_equals_definition(root, row):
    x = np.array([row], dtype=float)
    got = np.asarray(
        pipeline(model_text([root], 4), ["f0", "f1", "f2", "f3"]).contributions(x, original=False)
    )[0]
    want = shapley(root, row, 4)
    assert np.abs(got - want).max() <= 1e-12 * max(1.0, np.abs(want).max())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(trees(features=9, depth=6), min_size=1, max_size=3),
    st.lists(st.integers(-4, 4), min_size=9, max_size=9),
)
def test_random_forests_equal_lightgbm(roots, row):
    text = model_text(roots, 9)
    booster = lgb.Booster(model_str=text)
    x = np.array([row], dtype=float)
    got = np.asarray(pipeline(text, booster.feature_name()).contributions(x, original=False))
    want = booster.predict(x, pred_contrib=True, num_threads=1)
    assert np.abs(got - want).max() <= TOLERANCE * max(1.0, np.abs(want).max())


def chain(length, features):
    node = Node(1, 0.25)
    for i in range(length):
        leaf = Node(1 + i % 3, float(i % 7) - 3.0)
        sides = (node, leaf) if i % 2 else (leaf, node)
        node = Node(node.count + leaf.count, 0.0, (length - 1 - i) % features, (i % 5) - 2.0, *sides)
    return node


def test_long_chain_of_repeated_features():
    root = chain(300, 5)
    text = model_text([root], 5)
    X = np.random.default_rng(4).integers(-3, 4, (20, 5)).astype(float)
    booster = lgb.Booster(model_str=text)
    got = np.asarray(pipeline(text, booster.feature_name()).contributions(X, original=False))
    want = booster.predict(X, pred_contrib=True, num_threads=1)
    assert np.abs(got - want).max() <= TOLERANCE * np.abs(want).max()


def test_chain_of_different_features():
    """60 features on one path: LightGBM's recursion loses digits there, so the sums are the sharper test."""
    root = chain(60, 60)
    text = model_text([root], 60)
    booster = lgb.Booster(model_str=text)
    X = np.random.default_rng(4).integers(-3, 4, (20, 60)).astype(float)
    got = np.asarray(pipeline(text, booster.feature_name()).contributions(X, original=False))
    raw = booster.predict(X, raw_score=True, num_threads=1)
    assert np.abs(got.sum(axis=1) - raw).max() <= 1e-12
    want = booster.predict(X, pred_contrib=True, num_threads=1)
    assert np.abs(got - want).max() <= 1e-6


def test_chain_deeper_than_any_stack():
    root = chain(20_000, 3)
    got = np.asarray(
        pipeline(model_text([root], 3), ["a", "b", "c"]).contributions(np.zeros((1, 3)), original=False)
    )
    assert np.isfinite(got).all()


def test_empty_leaf_weighs_nothing():
    empty = Node(0, 50.0)
    inner = Node(10, 0.0, 1, 0.5, empty, Node(10, 3.0))
    root = Node(30, 0.0, 0, 0.5, inner, Node(20, -1.0))
    engine = pipeline(model_text([root], 2), ["a", "b"])
    for row in itertools.product([0.0, 1.0], repeat=2):
        got = np.asarray(engine.contributions(np.array([row]), original=False))[0]
        assert got == pytest.approx(shapley(root, row, 2), abs=1e-13)
