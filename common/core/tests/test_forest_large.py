"""Forests beyond the common: many bins, leaves, features and categories; continued and merged models."""

import json
import re
from typing import Any

import lightgbm
import numpy as np
import pytest
from scoring._engine import Pipeline


def engine(text: str, inputs: int) -> Pipeline:
    names = [f"x{i}" for i in range(inputs)]
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": list(range(inputs)), "names": names}
    return Pipeline(json.dumps(graph).encode(), text.encode())


def train(
    X: np.ndarray, y: np.ndarray, rounds: int = 5, categorical: list[int] | None = None, **parameters: Any
) -> lightgbm.Booster:
    settings = {
        "objective": "regression",
        "verbose": -1,
        "num_threads": 1,
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
    }
    start = parameters.pop("init_model", None)
    data = lightgbm.Dataset(X, y, categorical_feature=categorical or "auto")
    return lightgbm.train({**settings, **parameters}, data, rounds, init_model=start)


def assert_parity(text: str, X: np.ndarray) -> None:
    booster = lightgbm.Booster(model_str=text)
    pipeline = engine(text, X.shape[1])
    raw: Any = booster.predict(X, raw_score=True, num_threads=1)
    assert pipeline.predict(X, raw_score=True).tobytes() == raw.tobytes()
    rows = np.array([pipeline.predict(row[None], raw_score=True)[0] for row in X[:50]])
    assert rows.tobytes() == raw[:50].tobytes()
    output: Any = booster.predict(X, num_threads=1)
    assert pipeline.predict(X).tobytes() == output.tobytes()


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(3000, 6))
    X[rng.random(3000) < 0.1, 1] = np.nan
    return X, X[:, 0] * X[:, 2] + np.sin(5 * X[:, 3]) + np.nan_to_num(X[:, 1]) + rng.normal(size=3000) * 0.1


@pytest.mark.parametrize("leaves", [16, 64, 65, 255, 256])
def test_more_than_255_thresholds_a_feature(data: tuple[np.ndarray, np.ndarray], leaves: int) -> None:
    X, y = data
    text = train(X, y, 40, max_bin=2000, num_leaves=leaves, extra_trees=True).model_to_string()
    assert_parity(text, X)


@pytest.mark.parametrize("leaves", [257, 1000])
@pytest.mark.parametrize("max_bin", [100, 5000])
def test_more_than_256_leaves(data: tuple[np.ndarray, np.ndarray], leaves: int, max_bin: int) -> None:
    X, y = data
    booster = train(X, y, 4, max_bin=max_bin, num_leaves=leaves, min_sum_hessian_in_leaf=0)
    assert f"num_leaves={leaves}\n" in booster.model_to_string()
    assert_parity(booster.model_to_string(), X)


def test_exactly_255_and_256_thresholds() -> None:
    rng = np.random.default_rng(2)
    for distinct in (255, 256, 257, 258):
        X = np.repeat(np.arange(distinct, dtype=float), 4)[:, None]
        text = train(
            X, rng.normal(size=len(X)), 30, max_bin=distinct + 5, num_leaves=50, extra_trees=True
        ).model_to_string()
        assert_parity(text, np.concatenate([X, X + 0.5, X - 0.5, [[np.nan]]]))


def test_many_categories() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(4000, 2))
    X[:, 1] = rng.integers(0, 700, 4000)
    y = rng.normal(size=700)[X[:, 1].astype(int)] + X[:, 0]
    for leaves in (20, 300):
        settings = {
            "max_bin": 1000,
            "min_data_per_group": 1,
            "cat_smooth": 1,
            "max_cat_threshold": 500,
            "num_leaves": leaves,
        }
        text = train(X, y, 10, categorical=[1], **settings).model_to_string()
        rows = X.copy()
        rows[:50, 1] = rng.choice([-1, 700, 1e9, 2147483647, np.nan, 699.9], 50)
        assert_parity(text, rows)


def test_a_huge_category() -> None:
    rng = np.random.default_rng(5)
    X = rng.choice([0.0, 1.0, 5_000_000.0, 7_000_000.0], (500, 1))
    text = train(
        X,
        (X[:, 0] > 2) + (X[:, 0] == 1) * 0.5 + rng.normal(size=500) * 0.01,
        3,
        [0],
        min_data_per_group=1,
        cat_smooth=0,
    ).model_to_string()
    assert "num_cat=0" not in text
    assert_parity(text, np.concatenate([X, [[5_000_000.5], [5_000_001], [6e9], [np.nan], [-1]]]))


@pytest.mark.parametrize("features", [300, 1000])
def test_many_features(features: int) -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(200, features))
    y = X @ (rng.normal(size=features) * (rng.random(features) < 0.9))
    for leaves in (31, 100):
        text = train(X, y, 30, num_leaves=leaves, feature_fraction=0.2, max_bin=31).model_to_string()
        assert_parity(text, X)


def test_trees_of_one_leaf(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    text = train(X, y, 3, min_data_in_leaf=5000).model_to_string()
    assert "num_leaves=1\n" in text
    assert_parity(text, X)
    mixed = train(
        X, np.digitize(y, [-99, 0]), 4, objective="multiclass", num_class=3, num_leaves=7
    ).model_to_string()
    assert_parity(mixed, X)


def test_two_hundred_thresholds_twice_over_in_a_continued_model(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    first = train(X, y, 20, num_leaves=31, extra_trees=True)
    # Other rows make other bins: the continued model has the thresholds of both.
    continued = train(X[::2] + 0.01, y[::2], 20, num_leaves=31, extra_trees=True, init_model=first)
    assert_parity(continued.model_to_string(), X)


def test_merged_members_of_a_bag(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    texts = [
        train(X[i::3], y[i::3], 6, num_leaves=12 + 30 * i, max_bin=90 + i).model_to_string() for i in range(3)
    ]
    trees = [text[text.index("Tree=0") : text.index("end of trees")] for text in texts]
    head = texts[0][: texts[0].index("Tree=0")]
    merged = re.sub(r"(?m)^tree_sizes=.*\n", "", head) + "".join(trees) + "end of trees\n"
    pipeline = engine(merged, X.shape[1])
    assert pipeline.trees == 18
    expected = np.zeros(len(X))
    for text in texts:
        for tree in range(6):
            expected += lightgbm.Booster(model_str=text).predict(
                X, raw_score=True, start_iteration=tree, num_iteration=1, num_threads=1
            )
    np.testing.assert_array_equal(pipeline.predict(X, raw_score=True), expected)
