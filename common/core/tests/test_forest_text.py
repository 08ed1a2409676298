"""The forest's text: slimmed and merged, LightGBM still loads it and answers the same."""

import lightgbm as lgb
import numpy as np
import pytest
from scoring import Problem
from scoring._engine import Pipeline
from scoring.forest import merge, pandas_categories, parameter, read_header, slim
from scoring.graph import Graph

QUIET = {"num_threads": 1, "verbose": -1, "deterministic": True, "min_data_in_leaf": 5, "num_leaves": 9}


def rows(seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    X = random.normal(size=(300, 5))
    X[:, 3] = random.integers(0, 40, 300)
    X[random.random(X.shape) < 0.1] = np.nan
    X[random.random(X.shape) < 0.1] = 0.0
    return X


KINDS: dict[str, dict[str, object]] = {
    "regression": {},
    "binary": {"objective": "binary", "sigmoid": 0.7},
    "multiclass": {"objective": "multiclass", "num_class": 3},
    "multiclassova": {"objective": "multiclassova", "num_class": 3},
    "random forest": {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "dart": {"boosting": "dart"},
    "goss": {"data_sample_strategy": "goss"},
    "monotone": {"monotone_constraints": [1, 0, -1, 0, 0]},
    "zero as missing": {"zero_as_missing": True},
    "without missing": {"use_missing": False},
    "poisson": {"objective": "poisson"},
    "stumps": {"num_leaves": 2},
}


def train(seed: int = 1, rounds: int = 7, **options: object) -> lgb.Booster:
    X = rows(seed)
    signal = np.abs(np.nan_to_num(X[:, 0])) + (np.nan_to_num(X[:, 3]) % 3)
    objective = options.get("objective", "regression")
    if objective == "binary":
        signal = signal > 1.5
    elif str(objective).startswith("multiclass"):
        signal = np.digitize(signal, [1.0, 2.0])
    data = lgb.Dataset(X, signal, categorical_feature=[3], feature_name=["a", "b", "ü", "d", "e_f"])
    return lgb.train({**QUIET, "seed": seed, **options}, data, rounds)


def engine(text: str) -> Pipeline:
    names = read_header(text).feature_names
    places = list(range(len(names)))
    return Pipeline(Graph(names).to_bytes(places, names, places), text.encode())


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and bool((found == expected).all())


@pytest.mark.parametrize("kind", KINDS)
def test_slim_text_answers_the_same(kind: str) -> None:
    booster = train(**KINDS[kind])
    text = booster.model_to_string()

    short = slim(text)

    again, X = lgb.Booster(model_str=short), rows(9)
    assert len(short) < 0.6 * len(text)
    assert same(again.predict(X), booster.predict(X))
    assert same(again.predict(X, raw_score=True), booster.predict(X, raw_score=True))
    assert same(again.predict(X, pred_contrib=True), booster.predict(X, pred_contrib=True))
    assert same(again.predict(X, pred_leaf=True), booster.predict(X, pred_leaf=True))
    assert same(engine(short).predict(X, True), booster.predict(X, raw_score=True))
    assert slim(short) == short
    assert slim(again.model_to_string()) == short


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_bag_loads_and_is_the_mean(kind: str) -> None:
    members = [train(seed, rounds=5 + seed, **KINDS[kind]) for seed in (1, 2, 3)]
    texts = [member.model_to_string() for member in members]

    merged = merge(texts)

    booster, X = lgb.Booster(model_str=merged), rows(9)
    raw = booster.predict(X, raw_score=True)
    # A random forest's raw score is a sum; only its outputs are averaged.
    counts = [member.num_trees() if kind == "random forest" else 1 for member in members]
    each = [member.predict(X, raw_score=True) / count for member, count in zip(members, counts, strict=True)]
    total = sum(counts) if kind == "random forest" else 1
    assert np.allclose(raw / total, np.mean(each, axis=0), rtol=1e-12, atol=1e-13)
    assert same(engine(merged).predict(X, True), raw)
    assert same(engine(merged).predict(X), booster.predict(X))
    if kind != "random forest":
        parts = np.mean([member.predict(X, pred_contrib=True) for member in members], axis=0)
        assert np.allclose(booster.predict(X, pred_contrib=True), parts, rtol=1e-12, atol=1e-12)


def test_a_bag_of_one_is_itself() -> None:
    text = train().model_to_string()

    assert merge([text]) == slim(text)


def test_leaf_values_can_be_rounded() -> None:
    texts = [train(seed).model_to_string() for seed in (1, 2)]

    rounded = merge(texts, digits=9)

    X = rows(9)
    assert len(rounded) < len(merge(texts))
    exact = lgb.Booster(model_str=merge(texts)).predict(X)
    assert np.allclose(lgb.Booster(model_str=rounded).predict(X), exact, atol=1e-7)
    assert same(engine(rounded).predict(X), lgb.Booster(model_str=rounded).predict(X))


def test_members_of_another_kind_are_refused() -> None:
    text = train().model_to_string()

    with pytest.raises(Problem, match="another 'objective'"):
        merge([text, train(objective="poisson").model_to_string()])
    with pytest.raises(Problem, match="another 'feature_names'"):
        merge([text, text.replace("feature_names=a ", "feature_names=A ")])
    with pytest.raises(Problem, match="no model to merge"):
        merge([])


def test_linear_trees_are_refused() -> None:
    X = np.nan_to_num(rows())
    text = lgb.train({**QUIET, "linear_tree": True}, lgb.Dataset(X, X[:, 0] * 2), 3).model_to_string()

    with pytest.raises(Problem, match="linear trees"):
        merge([text, text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not start"),
        ("{}", "does not start"),
        ("tree\nversion=v4\n", "no line 'end of trees'"),
        ("tree\nversion=v4\n\nend of trees\n", "has no 'feature_names'"),
        (
            "tree\nfeature_names=a\nmax_feature_idx=x\n\nend of trees\n",
            "no number|a number that is none|has no",
        ),
        (
            "tree\nfeature_names=a b\nmax_feature_idx=0\nnum_tree_per_iteration=1\nfeature_infos=none\n"
            "\nend of trees\n",
            "contradicts itself",
        ),
    ],
)
def test_a_damaged_head_is_refused(text: str, message: str) -> None:
    with pytest.raises(Problem, match=message):
        read_header(text)


def test_the_head_tells_what_the_model_is() -> None:
    header = read_header(train(**KINDS["multiclass"]).model_to_string())

    assert (header.features, header.outputs, header.objective_name) == (5, 3, "multiclass")
    assert header.feature_names == ("a", "b", "ü", "d", "e_f")
    assert header.feature_infos[0].startswith("[")
    assert ":" in header.feature_infos[3]
    assert not header.average
    assert read_header(train(**KINDS["random forest"]).model_to_string()).average


def test_training_parameters_and_categories_are_found() -> None:
    text = train(learning_rate=0.25).model_to_string()

    assert parameter(text, "learning_rate") == "0.25"
    assert parameter(text, "no_such") is None
    assert pandas_categories(text) is None
    assert pandas_categories(text + '\npandas_categorical:[["x", "y"], [1, 2]]\n') == [["x", "y"], [1, 2]]
    assert pandas_categories("pandas_categorical:[broken") is None


def test_windows_line_ends_are_read() -> None:
    text = train().model_to_string()

    assert slim(text.replace("\n", "\r\n")) == slim(text)
