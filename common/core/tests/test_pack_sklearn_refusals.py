"""Packing scikit-learn pipelines: what an artifact cannot carry is refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scoring
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PowerTransformer,
    StandardScaler,
)

QUIET = {
    "num_threads": 1,
    "verbose": -1,
    "deterministic": True,
    "seed": 3,
    "min_child_samples": 3,
    "num_leaves": 7,
}


def forest(**options: Any) -> lgb.LGBMClassifier:
    return lgb.LGBMClassifier(n_estimators=8, **QUIET, **options)


def answer(X: np.ndarray, classes: int = 2) -> np.ndarray:
    first = np.where(pd.isna(X[:, 0]), "", X[:, 0].astype(str))
    order = np.unique(first, return_inverse=True)[1] + np.arange(len(X)) % 3
    return np.digitize(order, np.quantile(order, np.linspace(0, 1, classes + 1)[1:-1]))


def double(X: Any) -> Any:
    return X * 2


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "PCA": (lambda: PCA(2), "PCA"),
    "PowerTransformer": (lambda: PowerTransformer(), "PowerTransformer"),
    "KNNImputer": (lambda: KNNImputer(), "KNNImputer"),
    "a function": (lambda: FunctionTransformer(double), "'double'"),
    "deep inside": (
        lambda: ColumnTransformer([("here", make_pipeline(StandardScaler(), PCA(1)), [0, 1])]),
        "step 'first', transformer 'here', step 'pca'",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_an_artifact_cannot_carry_is_named(tmp_path: Path, case: str, numbers: Any) -> None:
    make, message = REFUSALS[case]
    X = numbers(gaps=False)
    pipeline = Pipeline([("first", make()), ("forest", forest())]).fit(X, answer(X))

    with pytest.raises(scoring.Problem) as caught:
        scoring.pack(pipeline, tmp_path / "m.pipeline")

    assert message in caught.value.detail
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_text_features_are_refused(tmp_path: Path, frame: Any) -> None:
    table = frame().fillna({"colour": "red"})
    columns = ColumnTransformer([("words", CountVectorizer(dtype=np.float64), "colour")])
    pipeline = Pipeline([("columns", columns), ("forest", forest())])
    pipeline.fit(table, answer(table[["colour"]].to_numpy()))

    with pytest.raises(scoring.Problem, match="CountVectorizer"):
        scoring.pack(pipeline, tmp_path / "m.pipeline")


def test_another_estimator_is_refused(tmp_path: Path, numbers: Any) -> None:
    X = numbers(gaps=False)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, answer(X))

    with pytest.raises(scoring.Problem, match="LogisticRegression"):
        scoring.pack(pipeline, tmp_path / "m.pipeline")


def test_a_pipeline_without_an_estimator_is_refused(tmp_path: Path, numbers: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), "passthrough").fit(numbers())

    with pytest.raises(scoring.Problem, match="no estimator"):
        scoring.pack(pipeline, tmp_path / "m.pipeline")


def test_a_subclass_of_a_known_transform_is_refused(tmp_path: Path, numbers: Any) -> None:
    class Twice(StandardScaler):
        def transform(self, X: Any, copy: Any = None) -> Any:
            return super().transform(X, copy) * 2

    X = numbers(gaps=False)
    pipeline = make_pipeline(Twice(), forest()).fit(X, answer(X))

    with pytest.raises(scoring.Problem, match="Twice"):
        scoring.pack(pipeline, tmp_path / "m.pipeline")


def test_an_answer_that_differs_is_never_written(tmp_path: Path, numbers: Any) -> None:
    X = numbers(gaps=False)
    pipeline = make_pipeline(StandardScaler(), forest()).fit(X, answer(X))
    pipeline[0].transform = lambda rows: rows  # what it says it does is not what it does

    with pytest.raises(scoring.Problem, match="answer differently"):
        scoring.pack(pipeline, tmp_path / "m.pipeline")

    assert not list(tmp_path.iterdir())
