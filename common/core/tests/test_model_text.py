"""Reading LightGBM's text format: what is refused, and in which words. One test for each kind of damage."""

import json
import re
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest
from scoring._engine import Pipeline

FEATURES = ["a", "b", "c"]


def engine(text: str) -> Pipeline:
    graph = {"format": 1, "inputs": FEATURES, "nodes": [], "outputs": [0, 1, 2], "names": FEATURES}
    return Pipeline(json.dumps(graph).encode(), text.encode())


def train(**parameters: object) -> str:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 3))
    X[:, 2] = rng.integers(0, 70, 400)
    y = X[:, 0] + 3 * (X[:, 2] % 3 == 1) + rng.normal(size=400) * 0.1
    label = np.digitize(y, [0, 1]) if parameters.get("objective") == "multiclass" else y
    settings = {
        "objective": "regression",
        "num_leaves": 6,
        "verbose": -1,
        "num_threads": 1,
        "min_data_per_group": 5,
        "cat_smooth": 1,
    }
    data = lightgbm.Dataset(X, label, feature_name=FEATURES, categorical_feature=["c"])
    return lightgbm.train({**settings, **parameters}, data, 3).model_to_string()


@pytest.fixture(scope="module")
def text() -> str:
    """A sound model; its first tree has categorical nodes."""
    found = train()
    assert "num_cat=0" not in found.split("Tree=1")[0]
    return found


def with_value(key: str, change: Callable[[str], str], tree: int = 0) -> Callable[[str], str]:
    """Damage that changes the value of a key of one tree."""

    def damage(text: str) -> str:
        start = text.index(f"Tree={tree}\n")
        head, rest = text[:start], text[start:]
        return head + re.sub(rf"(?m)^{key}=(.*)$", lambda m: f"{key}={change(m[1])}", rest, count=1)

    return damage


def without(key: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?m)^{key}(=.*)?\n", "", text, count=1)


def header(key: str, value: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?m)^{key}=.*$", f"{key}={value}", text, count=1)


def first(value: str) -> Callable[[str], str]:
    """Change that replaces the first entry of an array."""
    return lambda old: " ".join([value, *old.split()[1:]])


DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda text: "", "does not begin"),
    "other file": (lambda text: "{" + text, "does not begin"),
    "old version": (header("version", "v2"), "version is 'v2'; v3 and v4"),
    "new version": (header("version", "v5"), "version is 'v5'"),
    "no version": (without("version"), "version is missing"),
    "no features": (header("max_feature_idx", "-1"), "max_feature_idx"),
    "huge feature count": (header("max_feature_idx", "2147483646"), "feature_names has 3 names"),
    "feature count is text": (header("max_feature_idx", "2x"), "max_feature_idx is not a whole number"),
    "no names": (without("feature_names"), "feature_names is missing"),
    "too few names": (header("feature_names", "a b"), "feature_names has 2 names"),
    "header key twice": (
        lambda text: text.replace("num_class=1", "num_class=1\nnum_class=1", 1),
        "num_class is given twice",
    ),
    "zero outputs": (header("num_tree_per_iteration", "0"), "num_tree_per_iteration"),
    "huge outputs": (
        lambda t: without("objective")(header("num_tree_per_iteration", "2000000000")(t)),
        "does not divide",
    ),
    "outputs do not divide": (
        lambda t: without("objective")(header("num_tree_per_iteration", "2")(t)),
        "does not divide",
    ),
    "unknown objective": (header("objective", "magic"), "objective 'magic'"),
    "outputs against objective": (header("num_tree_per_iteration", "3"), "one tree per iteration"),
    "sigmoid of zero": (header("objective", "binary sigmoid:0"), "sigmoid '0'"),
    "sigmoid is text": (header("objective", "binary sigmoid:1..2"), "sigmoid '1..2'"),
    "no trees": (
        lambda text: header("tree_sizes", "")(
            text[: text.index("Tree=0")] + text[text.index("end of trees") :]
        ),
        "no trees",
    ),
    "cut between trees": (lambda text: text[: text.index("Tree=2")], "cut short"),
    "cut in a tree": (
        lambda text: text[: text.index("leaf_value", text.index("Tree=2"))],
        "tree 2: leaf_value is missing",
    ),
    "cut without sizes": (
        lambda text: without("tree_sizes")(text[: text.index("Tree=2")]),
        "no 'end of trees'",
    ),
    "linear trees": (with_value("is_linear", lambda _: "1", tree=1), "tree 1: is_linear.*linear_tree=false"),
    "no leaves": (with_value("num_leaves", lambda _: "0"), "tree 0: num_leaves is 0"),
    "huge leaf count": (
        with_value("num_leaves", lambda _: "2147483647"),
        "tree 0: leaf_value has 6 entries where 2147483647",
    ),
    "leaf count beyond int": (
        with_value("num_leaves", lambda _: "99999999999999999999"),
        "tree 0: num_leaves is not a whole",
    ),
    "leaf count is text": (
        with_value("num_leaves", lambda _: "six"),
        "tree 0: num_leaves is not a whole number",
    ),
    "no leaf count": (without("num_leaves"), "tree 0: num_leaves is missing"),
    "one leaf less": (
        with_value("num_leaves", lambda old: str(int(old) - 1)),
        "tree 0: leaf_value has more than the 5",
    ),
    "key twice": (
        lambda text: text.replace("Tree=1\n", "Tree=1\nnum_cat=0\n", 1),
        "tree 1: num_cat is given twice",
    ),
    "no values": (without("leaf_value"), "tree 0: leaf_value is missing"),
    "value is text": (
        with_value("leaf_value", first("abc")),
        "tree 0: leaf_value has a bad entry at position 0",
    ),
    "value is hex": (with_value("leaf_value", first("0x10")), "tree 0: leaf_value has a bad entry"),
    "value with comma": (with_value("leaf_value", first("0,5")), "tree 0: leaf_value has a bad entry"),
    "value is nan": (with_value("leaf_value", first("nan")), "tree 0: leaf_value has a bad entry"),
    "value is infinite": (with_value("leaf_value", first("inf")), "tree 0: leaf_value has a bad entry"),
    "too many thresholds": (
        with_value("threshold", lambda old: old + " 1"),
        "tree 0: threshold has more than the 5",
    ),
    "threshold is nan": (with_value("threshold", first("nan")), "tree 0: threshold has a bad entry"),
    "feature beyond the last": (
        with_value("split_feature", first("3")),
        "tree 0: split_feature has a bad entry",
    ),
    "negative feature": (with_value("split_feature", first("-1")), "tree 0: split_feature has a bad entry"),
    "feature is fractional": (
        with_value("split_feature", first("0.5")),
        "tree 0: split_feature has a bad entry",
    ),
    "unknown missing type": (
        with_value("decision_type", first("12")),
        "tree 0: decision_type has a bad entry",
    ),
    "negative decision": (with_value("decision_type", first("-1")), "tree 0: decision_type has a bad entry"),
    "child beyond the last": (with_value("left_child", first("5")), "tree 0: left_child has a bad entry"),
    "leaf beyond the last": (with_value("left_child", first("-7")), "tree 0: left_child has a bad entry"),
    "root as a child": (with_value("left_child", first("0")), "tree 0: left_child of node 0 leads to node 0"),
    "counts too short": (
        with_value("internal_count", lambda old: old.rsplit(" ", 1)[0]),
        "tree 0: internal_count has 4",
    ),
    "negative count": (with_value("leaf_count", first("-1")), "tree 0: leaf_count has a bad entry"),
    "fewer sets": (with_value("num_cat", lambda _: "0"), "tree 0: threshold of categorical node"),
    "more sets": (with_value("num_cat", lambda old: str(int(old) + 1)), "tree 0: cat_boundaries has"),
    "negative sets": (with_value("num_cat", lambda _: "-1"), "tree 0: num_cat is -1"),
    "huge sets": (with_value("num_cat", lambda _: "2147483646"), "tree 0: cat_boundaries has"),
    "no boundaries": (without("cat_boundaries"), "tree 0: cat_boundaries is missing"),
    "boundaries from one": (
        with_value("cat_boundaries", first("1")),
        "tree 0: cat_boundaries does not begin with 0",
    ),
    "last boundary too far": (
        with_value("cat_boundaries", lambda old: old.rsplit(" ", 1)[0] + " 99"),
        "tree 0: cat_threshold has",
    ),
    "huge boundary": (
        with_value("cat_boundaries", lambda old: old.rsplit(" ", 1)[0] + " 4294967295"),
        "tree 0: cat_boundaries has a set",
    ),
    "word beyond 32 bits": (
        with_value("cat_threshold", first("4294967296")),
        "tree 0: cat_threshold has a bad entry",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(text: str, kind: str) -> None:
    damage, message = DAMAGE[kind]
    damaged = damage(text)
    assert damaged != text
    with pytest.raises(ValueError, match=message):
        engine(damaged)


def test_descending_boundaries_are_refused() -> None:
    text = train(num_leaves=20, min_data_in_leaf=5, max_cat_threshold=5)
    boundaries = re.search(r"(?m)^cat_boundaries=0 (\d+) (\d+)", text)
    assert boundaries
    damaged = text.replace(boundaries[0], f"cat_boundaries=0 {boundaries[2]} {boundaries[1]}", 1)
    with pytest.raises(ValueError, match=r"cat_boundaries is not ascending"):
        engine(damaged)


def test_a_shared_leaf_is_refused(text: str) -> None:
    right = re.search(r"(?m)^right_child=(.*)$", text)
    assert right
    entries = right[1].split()
    leaves = [i for i, child in enumerate(entries) if child.startswith("-")]
    entries[leaves[0]] = entries[leaves[1]]
    damaged = text.replace(right[0], "right_child=" + " ".join(entries), 1)
    with pytest.raises(
        ValueError, match=r"tree 0: \w+ of node \d+ leads to leaf \d+, which is reached twice"
    ):
        engine(damaged)


def test_a_cycle_apart_from_the_root_is_refused() -> None:
    nodes = (
        "split_feature=0 0 0\nthreshold=0 1 2\ndecision_type=0 0 0\nleft_child=-1 2 1\nright_child=-2 -3 -4"
    )
    head = "tree\nversion=v4\nnum_tree_per_iteration=1\nmax_feature_idx=2\nfeature_names=a b c"
    text = f"{head}\n\nTree=0\nnum_leaves=4\nnum_cat=0\n{nodes}\nleaf_value=1 2 3 4\n\nend of trees\n"
    with pytest.raises(ValueError, match="cannot be reached from the root"):
        engine(text)


def test_version_3_line_ends_and_missing_counts_are_accepted(text: str) -> None:
    expected = engine(text).predict(np.ones((1, 3)))
    for variant in (
        header("version", "v3")(text),
        text.replace("\n", "\r\n"),
        re.sub(r"(?m)^(leaf|internal)_(count|value_unused)=.*\n", "", text),
        text[: text.index("feature_importances")],
        without("tree_sizes")(text),
    ):
        assert variant != text
        assert engine(variant).predict(np.ones((1, 3))) == expected
    assert engine(text).has_counts
    assert not engine(re.sub(r"(?m)^leaf_count=.*\n", "", text)).has_counts


def test_facts_of_the_model(text: str) -> None:
    three = engine(train(objective="multiclass", num_class=3))
    assert (three.outputs, three.trees, three.iterations, three.objective) == (3, 9, 3, "multiclass")
    one = engine(text)
    assert (one.outputs, one.trees, one.iterations, one.objective, one.feature_names) == (
        1,
        3,
        3,
        "regression",
        FEATURES,
    )


def test_a_chain_of_a_hundred_thousand_nodes() -> None:
    nodes = 100_000
    leaves = nodes + 1
    arrays: dict[str, Any] = {
        "split_feature": np.zeros(nodes, int),
        "threshold": np.arange(nodes)[::-1],
        "decision_type": np.zeros(nodes, int),
        "left_child": [*range(1, nodes), -1],
        "right_child": [-2 - i for i in range(nodes)],
        "leaf_value": np.arange(leaves),
    }
    body = "\n".join(f"{key}={' '.join(map(str, values))}" for key, values in arrays.items())
    head = "tree\nversion=v4\nnum_tree_per_iteration=1\nmax_feature_idx=2\nfeature_names=a b c"
    chain = engine(f"{head}\n\nTree=0\nnum_leaves={leaves}\nnum_cat=0\n{body}\n\nend of trees\n")
    # Node i goes right when x is above nodes - 1 - i; going left at all nodes ends at leaf 0.
    rows = np.zeros((100, 3))
    rows[:, 0] = [-1.0, 0.0, 0.5, nodes, 17.0, *np.linspace(0, nodes, 95)]
    first_right = np.where(rows[:, 0] > nodes - 1, 0, nodes - np.ceil(np.maximum(rows[:, 0], 0)).astype(int))
    expected = np.where(rows[:, 0] <= 0, 0.0, first_right + 1.0)
    np.testing.assert_array_equal(chain.predict(rows), expected)
    np.testing.assert_array_equal([chain.predict(row[None])[0] for row in rows[:8]], expected[:8])
