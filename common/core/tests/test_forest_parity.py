"""The engine's forest against LightGBM: equal to the last bit, on every path and instruction set."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring._engine import Pipeline

TINY = float(np.float32(1e-35))  # LightGBM's predict takes values up to this for 0
EDGES = np.array(
    [
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        TINY,
        -TINY,
        np.nextafter(TINY, 1),
        -np.nextafter(TINY, 1),
        np.nextafter(TINY, 0),
        1e-300,
        5e-324,
        1e300,
        -1e300,
        1.0,
    ]
)
CODES = np.array(
    [
        -1,
        -0.5,
        -0.99,
        0.5,
        1.9,
        39,
        40,
        41,
        255,
        256,
        1e5,
        2147483647,
        2147483648,
        3e9,
        1e18,
        -3e9,
        np.nan,
        np.inf,
        -np.inf,
        4.0,
    ]
)
NUMERIC, COLUMNS = 6, 8  # the last two features are categorical

OBJECTIVES: list[dict[str, Any]] = [
    {"objective": name}
    for name in (
        "regression_l1",
        "huber",
        "fair",
        "poisson",
        "quantile",
        "mape",
        "gamma",
        "tweedie",
        "binary",
        "cross_entropy",
        "cross_entropy_lambda",
        "lambdarank",
        "rank_xendcg",
        "regression",
    )
] + [
    {"objective": "regression", "reg_sqrt": True},
    {"objective": "multiclass", "num_class": 3},
    {"objective": "multiclassova", "num_class": 4},
]
BOOSTING: list[dict[str, Any]] = [
    {},
    {},
    {"boosting": "dart"},
    {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
]
MISSING: list[dict[str, Any]] = [{}, {}, {"zero_as_missing": True}, {"use_missing": False}]


def engine(text: str, inputs: int = COLUMNS) -> Pipeline:
    names = [f"x{i}" for i in range(inputs)]
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": list(range(inputs)), "names": names}
    return Pipeline(json.dumps(graph).encode(), text.encode())


def table(seed: int, rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, COLUMNS))
    X[:, 0] = np.round(X[:, 0])
    X[rng.random(rows) < 0.4, 1] = 0
    X[rng.random(rows) < 0.2, 2] = np.nan
    X[:, 3] *= 1e-33
    X[:, 6] = rng.integers(0, 40, rows)
    X[:, 7] = rng.integers(0, 5, rows)
    X[rng.random(rows) < 0.1, 7] = np.nan
    y = (
        X[:, 0]
        + np.sin(3 * X[:, 1])
        + np.where(np.isnan(X[:, 2]), 1, X[:, 2])
        + (X[:, 6] % 7) * 0.3
        + (X[:, 7] == 2)
    )
    return X, y + np.sign(X[:, 3]) + rng.normal(size=rows) * 0.3


def label_for(objective: dict[str, Any], y: np.ndarray) -> Any:
    name = objective["objective"]
    rank = y.argsort().argsort()
    if name in ("binary", "cross_entropy", "cross_entropy_lambda"):
        return rank > len(y) // 2
    if name in ("lambdarank", "rank_xendcg"):
        return rank * 3 // len(y)
    if "num_class" in objective:
        return rank * objective["num_class"] // len(y)
    return np.abs(y) + 0.1 if name in ("poisson", "gamma", "tweedie") else y


def train(seed: int, rounds: int, parameters: dict[str, Any]) -> str:
    X, y = table(seed)
    group = [len(y)] if "rank" in parameters["objective"] else None
    data = lightgbm.Dataset(X, label_for(parameters, y), group=group, categorical_feature=[6, 7])
    fixed = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 3, "min_data_per_group": 5, "seed": seed}
    return lightgbm.train({**fixed, **parameters}, data, rounds).model_to_string()


def thresholds(text: str) -> list[np.ndarray]:
    """Numeric thresholds of each feature."""
    found: list[list[float]] = [[0.0] for _ in range(COLUMNS)]
    arrays: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        arrays[key] = value.split()
        if key == "decision_type":
            for feature, threshold, decision in zip(
                arrays["split_feature"], arrays["threshold"], arrays[key], strict=True
            ):
                if int(decision) & 1 == 0:
                    found[int(feature)].append(float(threshold))
    return [np.array(values) for values in found]


def nasty_rows(text: str, seed: int, rows: int = 300) -> np.ndarray:
    """Make rows on thresholds, one ulp beside them, at the edges of the doubles, with odd categories."""
    rng = np.random.default_rng(seed)
    X = table(seed + 1, rows)[0]
    for column, at in enumerate(thresholds(text)[:NUMERIC]):
        threshold = at[rng.integers(0, len(at), rows)]
        edge = EDGES[rng.integers(0, len(EDGES), rows)]
        kind = rng.integers(0, 7, rows)
        choices = [threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf), edge]
        X[:, column] = np.select([kind == i for i in range(4)], choices, X[:, column])
    for column in range(NUMERIC, COLUMNS):
        X[:, column] = np.where(
            rng.random(rows) < 0.4, CODES[rng.integers(0, len(CODES), rows)], X[:, column]
        )
    return X


def assert_same_bits(found: np.ndarray, expected: Any) -> None:
    assert found.shape == expected.shape
    different = np.ascontiguousarray(found).view(np.uint64) != np.ascontiguousarray(expected).view(np.uint64)
    assert not different.any(), (
        f"{different.sum()} of {different.size} differ, first at {np.argwhere(different)[0]}"
    )


def assert_parity(text: str, X: np.ndarray) -> None:
    booster = lightgbm.Booster(model_str=text)
    pipeline = engine(text, X.shape[1])
    raw = booster.predict(X, raw_score=True, num_threads=1)
    output = booster.predict(X, num_threads=1)
    assert_same_bits(pipeline.predict(X, raw_score=True), raw)
    assert_same_bits(pipeline.predict(X), output)
    some = range(0, len(X), 7)
    assert_same_bits(np.array([pipeline.predict(X[i : i + 1], raw_score=True)[0] for i in some]), raw[::7])
    assert_same_bits(np.array([pipeline.row(X[i].tolist()) for i in some]), output[::7])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    objective=st.sampled_from(OBJECTIVES),
    boosting=st.sampled_from(BOOSTING),
    missing=st.sampled_from(MISSING),
    num_leaves=st.sampled_from([2, 3, 8, 31, 32, 33, 63, 64, 65, 100]),
    max_bin=st.sampled_from([3, 15, 255, 400]),
    sigmoid=st.sampled_from([1.0, 0.7, 1.37, 2.123]),
    max_cat_to_onehot=st.sampled_from([1, 4, 100]),
    extra_trees=st.booleans(),
    rounds=st.integers(1, 12),
    seed=st.integers(0, 10_000),
)
def test_any_training_scores_alike(
    objective: dict[str, Any],
    boosting: dict[str, Any],
    missing: dict[str, Any],
    rounds: int,
    seed: int,
    **parameters: Any,
) -> None:
    if parameters["max_bin"] > 255:
        parameters["min_data_in_bin"] = 1
    text = train(seed, rounds, {**parameters, **objective, **boosting, **missing})
    assert_parity(text, nasty_rows(text, seed))


def test_a_custom_objective_has_identity_outputs() -> None:
    def squared(score: np.ndarray, data: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
        return score - data.get_label(), np.ones_like(score)

    X, y = table(3)
    data = lightgbm.Dataset(X, y, categorical_feature=[6, 7])
    text = lightgbm.train({"objective": squared, "verbose": -1, "num_threads": 1}, data, 5).model_to_string()
    assert engine(text).objective == ""
    assert_parity(text, nasty_rows(text, 3))


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1100])
def test_row_counts_around_the_block_size(rows: int) -> None:
    text = train(5, 7, {"objective": "binary", "num_leaves": 20})
    X = nasty_rows(text, 5, rows)
    assert_same_bits(engine(text).predict(X), lightgbm.Booster(model_str=text).predict(X, num_threads=1))


CHECK = """
import json, pathlib, sys
import numpy as np
from scoring._engine import Pipeline
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.npz")):
    case = np.load(path)
    names = [f"x{i}" for i in range(case["X"].shape[1])]
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": list(range(len(names))), "names": names}
    pipeline = Pipeline(json.dumps(graph).encode(), bytes(case["text"]))
    rows = np.array([pipeline.predict(row[None], raw_score=True)[0] for row in case["X"][:40]])
    assert rows.tobytes() == case["raw"][:40].tobytes(), path
    assert pipeline.predict(case["X"], raw_score=True).tobytes() == case["raw"].tobytes(), path
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models for every path of the engine, with rows and LightGBM's raw scores."""
    folder = tmp_path_factory.mktemp("cases")
    kinds: dict[str, dict[str, Any]] = {
        "masks32": {"num_leaves": 31},
        "masks64": {"num_leaves": 60, "zero_as_missing": True},
        "planes": {"num_leaves": 200, "min_data_in_leaf": 1},
        "three": {"num_leaves": 20, "objective": "multiclass", "num_class": 3},
        "wide": {"num_leaves": 60, "max_bin": 2000, "min_data_in_bin": 1, "min_data_in_leaf": 1},
        "walk": {"num_leaves": 400, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0},
    }
    for name, parameters in kinds.items():
        for numeric in (False, True):
            full = {"objective": "regression", **parameters}
            if numeric:
                full["ignore_column"] = "6,7"
                X, y = table(8)
                data = lightgbm.Dataset(X, label_for(full, y))
                fixed = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 3}
                text = lightgbm.train({**fixed, **full}, data, 9).model_to_string()
            else:
                text = train(8, 9, full)
            X = nasty_rows(text, 8, 600)
            raw = lightgbm.Booster(model_str=text).predict(X, raw_score=True, num_threads=1)
            np.savez(
                folder / f"{name}-{numeric}.npz", text=np.frombuffer(text.encode(), np.uint8), X=X, raw=raw
            )
    return folder


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_instruction_sets_agree(cases: Path, isa: str) -> None:
    # The variable only lowers the choice: where the processor lacks a set, its widest is tested again.
    subprocess.run(
        [sys.executable, "-c", CHECK, str(cases)],
        check=True,
        env={**os.environ, "SCORING_ISA": isa},
        timeout=120,
    )
