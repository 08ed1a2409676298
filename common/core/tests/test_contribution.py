"""Contributions against LightGBM's pred_contrib, on trained models."""

import json
import os
import re
import subprocess
import sys
import threading

import lightgbm as lgb
import numpy as np
import pytest
from scoring import _engine

TOLERANCE = 1e-9  # of the largest part of the row
ROWS = 3000
NASTY = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1e-35,
    -1e-35,
    float(np.float32(1e-35)),
    5e-324,
    -0.5,
    0.5,
    1.0,
    1e300,
    2.0**31,
    -3.0,
]


def pipeline(text, names):
    graph = {"format": 1, "inputs": names, "nodes": [], "outputs": list(range(len(names))), "names": names}
    return _engine.Pipeline(json.dumps(graph).encode(), text.encode())


def check(booster, X, text=None):
    """Compare all parts with LightGBM's, and their sums with the raw scores."""
    engine = pipeline(text or booster.model_to_string(), booster.feature_name())
    ours = np.asarray(engine.contributions(X, original=False))
    theirs = booster.predict(X, pred_contrib=True, num_threads=1)
    assert ours.shape == theirs.shape
    scale = np.abs(theirs).max(axis=1, keepdims=True)
    assert np.isfinite(ours).all()
    assert (np.abs(ours - theirs) <= TOLERANCE * scale).all(), np.abs((ours - theirs) / scale).max()
    raw = booster.predict(X, raw_score=True, num_threads=1).reshape(len(X), -1)
    sums = ours.reshape(len(X), raw.shape[1], -1).sum(axis=2)
    assert (np.abs(sums - raw) <= TOLERANCE * scale).all()
    assert np.array_equal(
        ours[:2], np.vstack([engine.contributions(row[None], original=False) for row in X[:2]])
    )


def nasty_rows(X, count=60):
    rng = np.random.default_rng(5)
    rows = X[rng.integers(0, len(X), count)].copy()
    spoilt = rng.random(rows.shape) < 0.4
    rows[spoilt] = rng.choice(NASTY, int(spoilt.sum()))
    return np.vstack([rows, X[:40]])


def table(seed=1, columns=8, categorical=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, 3)) @ rng.normal(size=(3, columns)) + rng.normal(size=(ROWS, columns))
    y = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + X[:, -1] + 0.2 * rng.normal(size=ROWS)
    X[:, 4] = np.round(X[:, 4])
    for c in range(categorical):
        X[:, c] = np.floor(np.abs(X[:, c]) * 6)
    X[:, 3][rng.random(ROWS) < 0.3] = 0.0
    X[:, [2, 5]] = np.where(rng.random((ROWS, 2)) < 0.1, np.nan, X[:, [2, 5]])
    return X, y


def train(X, y, rounds=12, **params):
    data = lgb.Dataset(X, y, categorical_feature=params.pop("categorical", []))
    return lgb.train(
        {"verbose": -1, "num_threads": 1, "seed": 3, "deterministic": True, **params}, data, rounds
    )


VARIANTS = {
    "plain": {},
    "zero_as_missing": {"zero_as_missing": True},
    "no_missing": {"use_missing": False},
    "random_forest": {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "feature_fraction": 0.7},
    "dart": {"boosting": "dart", "drop_rate": 0.5},
    "goss": {"data_sample_strategy": "goss"},
    "extra_trees": {"extra_trees": True},
    "deep": {"num_leaves": 250, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0},
    "stumps": {"num_leaves": 2},
    "categorical": {"categorical": [0, 1]},
    "one_hot": {"categorical": [0, 1], "max_cat_to_onehot": 100},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_lightgbm(variant):
    params = VARIANTS[variant]
    X, y = table(categorical=len(params.get("categorical", [])))
    check(train(X, y, objective="regression", **params), nasty_rows(X))


@pytest.mark.parametrize(
    "objective", ["binary", "multiclass", "multiclassova", "poisson", "quantile", "cross_entropy"]
)
def test_equals_lightgbm_for_objective(objective):
    X, y = table(seed=2, categorical=1)
    params = {"objective": objective, "categorical": [0]}
    if objective.startswith("multiclass"):
        y = np.digitize(y, [-1, 0, 1])
        params["num_class"] = 4
    elif objective in ("binary", "cross_entropy"):
        y = (y > 0).astype(float)
    elif objective == "poisson":
        y = np.exp(np.clip(y, -3, 3))
    check(train(X, y, rounds=5, **params), nasty_rows(X))


def test_wide_paths_need_more_points():
    """Paths with more than 16 different features, beyond one round of quadrature points."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(ROWS, 60))
    booster = train(
        X, X.sum(axis=1), rounds=4, num_leaves=400, min_data_in_leaf=1, max_depth=40, objective="regression"
    )
    check(booster, X[:60])


def test_constant_target_gives_one_leaf():
    X, _ = table()
    booster = train(X, np.full(ROWS, 2.5), objective="regression")
    engine = pipeline(booster.model_to_string(), booster.feature_name())
    got = np.asarray(engine.contributions(X[:3], original=False))
    assert np.array_equal(got, booster.predict(X[:3], pred_contrib=True, num_threads=1))
    assert got[0, -1] == 2.5


def test_counts_that_do_not_add_up():
    """Training on several machines estimates the counts; the shares of two children then miss or exceed 1."""
    X, y = table()
    booster = train(X, y, rounds=4, objective="regression")
    text = re.sub(
        r"(?m)^leaf_count=(\d+)", lambda m: f"leaf_count={int(m[1]) + 37}", booster.model_to_string()
    )
    edited = lgb.Booster(model_str=text)
    got = np.asarray(pipeline(text, edited.feature_name()).contributions(X[:50], original=False))
    want = edited.predict(X[:50], pred_contrib=True, num_threads=1)
    assert np.abs(got - want).max() <= TOLERANCE * np.abs(want).max()


def test_nodes_without_rows():
    """LightGBM answers NaN where it divides by a count of zero; ours stay finite and add up."""
    X, y = table()
    booster = train(X, y, rounds=4, objective="regression")
    lines = booster.model_to_string().splitlines()
    for i, line in enumerate(lines):
        if line.startswith("leaf_count="):
            counts = line.removeprefix("leaf_count=").split()
            lines[i] = "leaf_count=" + " ".join(["0"] * 3 + counts[3:])
    text = "\n".join(lines)
    engine = pipeline(text, booster.feature_name())
    got = np.asarray(engine.contributions(X[:50], original=False))
    assert np.isfinite(got).all()

    empty = re.sub(
        r"(?m)^((?:leaf|internal)_count)=(.*)$", lambda m: f"{m[1]}={re.sub(r'[0-9]+', '0', m[2])}", text
    )
    got = np.asarray(pipeline(empty, booster.feature_name()).contributions(X[:50], original=False))
    raw = booster.predict(X[:50], raw_score=True, num_threads=1)
    assert np.abs(got.sum(axis=1) - raw).max() <= TOLERANCE * np.abs(got).max()


def test_model_without_counts_is_refused():
    X, y = table()
    booster = train(X, y, rounds=2, objective="regression")
    text = re.sub(r"(?m)^(leaf|internal)_count=.*\n", "", booster.model_to_string())
    engine = pipeline(text, booster.feature_name())
    assert not engine.has_counts
    assert engine.predict(X[:5]) == pytest.approx(booster.predict(X[:5], num_threads=1), abs=0)
    with pytest.raises(ValueError, match="leaf_count"):
        engine.contributions(X[:5], original=False)


def test_same_bits_for_every_instruction_set(tmp_path):
    X, y = table()
    booster = train(X, y, objective="regression", num_leaves=120, min_data_in_leaf=2)
    (tmp_path / "forest.txt").write_text(booster.model_to_string())
    np.save(tmp_path / "rows.npy", nasty_rows(X))
    program = """if True:
        import hashlib, json, sys
        from pathlib import Path
        import numpy as np
        from scoring import _engine
        X = np.load("rows.npy")
        names = [str(i) for i in range(X.shape[1])]
        graph = {"format": 1, "inputs": names, "nodes": [], "names": names}
        graph["outputs"] = list(range(len(names)))
        engine = _engine.Pipeline(json.dumps(graph).encode(), Path("forest.txt").read_bytes())
        print(hashlib.sha256(np.asarray(engine.contributions(X, original=False)).tobytes()).hexdigest())
    """
    seen = set()
    for isa in ("baseline", "avx2", "avx512"):
        environment = {**os.environ, "SCORING_ISA": isa}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, capture_output=True
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_threads_agree():
    X, y = table()
    booster = train(X, y, objective="regression")
    engine = pipeline(booster.model_to_string(), booster.feature_name())
    want = np.asarray(engine.contributions(X[:400], original=False))
    assert np.array_equal(want, engine.contributions(X[:400], original=False, threads=2))
    got = [None] * 4

    def work(i):
        got[i] = np.asarray(engine.contributions(X[:400], original=False))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(want, g) for g in got)
