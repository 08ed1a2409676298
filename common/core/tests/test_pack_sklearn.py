"""Packing scikit-learn pipelines: every transform, alone and nested, answers as the pipeline itself."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scoring
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

QUIET = {
    "num_threads": 1,
    "verbose": -1,
    "deterministic": True,
    "seed": 3,
    "min_child_samples": 3,
    "num_leaves": 7,
}
ROWS = 160


def forest(**options: Any) -> lgb.LGBMClassifier:
    return lgb.LGBMClassifier(n_estimators=8, **QUIET, **options)


def answer(X: np.ndarray, classes: int = 2) -> np.ndarray:
    first = np.where(pd.isna(X[:, 0]), "", X[:, 0].astype(str))
    order = np.unique(first, return_inverse=True)[1] + np.arange(len(X)) % 3
    return np.digitize(order, np.quantile(order, np.linspace(0, 1, classes + 1)[1:-1]))


def expected_of(pipeline: Pipeline, X: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(pipeline[-1], lgb.LGBMRegressor):
            return np.asarray(pipeline.predict(X))
        found = np.asarray(pipeline.predict_proba(X))
    return found[:, 1] if found.shape[1] == 2 else found


def check(
    pipeline: Pipeline, seen: Any, path: Path, *, y: Any = None, rows: Any = None, **options: Any
) -> scoring.Scorer:
    """Fit, pack, and compare on the rows seen in training and on those that the pipeline never saw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(seen, answer(np.asarray(seen)) if y is None else y)
    scoring.pack(pipeline, path / "m.pipeline", **options)
    scorer = scoring.load(path / "m.pipeline")
    for part in (seen, rows) if rows is not None else (seen,):
        assert np.array_equal(scorer.predict(part), expected_of(pipeline, part), equal_nan=True)
    assert scorer.verify().ok
    return scorer


NUMERIC: dict[str, Callable[[], Any]] = {
    "StandardScaler": StandardScaler,
    "StandardScaler without mean": lambda: StandardScaler(with_mean=False),
    "StandardScaler without deviation": lambda: StandardScaler(with_std=False),
    "MinMaxScaler": MinMaxScaler,
    "MinMaxScaler with a range": lambda: MinMaxScaler((-2, 5)),
    "MinMaxScaler clipped": lambda: MinMaxScaler(clip=True),
    "MaxAbsScaler": MaxAbsScaler,
    "RobustScaler": RobustScaler,
    "RobustScaler without center": lambda: RobustScaler(with_centering=False),
    "RobustScaler without scale": lambda: RobustScaler(with_scaling=False),
    "SimpleImputer mean": SimpleImputer,
    "SimpleImputer median": lambda: SimpleImputer(strategy="median"),
    "SimpleImputer most frequent": lambda: SimpleImputer(strategy="most_frequent"),
    "SimpleImputer constant": lambda: SimpleImputer(strategy="constant", fill_value=-7.5),
    "SimpleImputer with indicator": lambda: SimpleImputer(add_indicator=True),
    "MissingIndicator": MissingIndicator,
    "MissingIndicator of all": lambda: MissingIndicator(features="all"),
    "FunctionTransformer": FunctionTransformer,
    "VarianceThreshold": lambda: VarianceThreshold(5.0),
    "passthrough": lambda: "passthrough",
    "FeatureUnion": lambda: FeatureUnion(
        [
            ("scaled", StandardScaler()),
            ("gaps", MissingIndicator()),
            ("gone", "drop"),
            ("same", "passthrough"),
        ],
        transformer_weights={"scaled": 2.5},
    ),
    "nested pipelines": lambda: make_pipeline(
        make_pipeline(SimpleImputer(), StandardScaler()), MinMaxScaler()
    ),
    "OneHotEncoder of numbers": lambda: ColumnTransformer(
        [("one", OneHotEncoder(handle_unknown="ignore"), [2])], remainder="passthrough"
    ),
    "OrdinalEncoder of numbers": lambda: ColumnTransformer(
        [("ordinal", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-3), [2, 0])]
    ),
    "TargetEncoder of numbers": lambda: ColumnTransformer(
        [("mean", TargetEncoder(random_state=0), [2])], remainder=StandardScaler()
    ),
}
NASTY = np.array(
    [
        [np.nan, np.nan, np.nan],
        [0.0, -0.0, 9.0],
        [1e300, -1e300, 2.5],
        [5e-324, 1e-35, -1.0],
        [np.inf, -np.inf, 0.0],
    ]
)


@pytest.mark.parametrize("name", NUMERIC)
def test_transforms_of_numbers(tmp_path: Path, name: str, numbers: Any) -> None:
    pipeline = Pipeline([("first", NUMERIC[name]()), ("forest", forest())])

    rows = NASTY if name in ("passthrough", "FunctionTransformer") else NASTY[:-1]  # scikit-learn refuses inf
    check(pipeline, numbers(), tmp_path, rows=rows)


def test_an_imputer_replaces_a_marker(tmp_path: Path, numbers: Any) -> None:
    X = numbers(gaps=False)
    X[::7, 1] = -999.0
    X[::11, 2] = -999.0
    imputer = SimpleImputer(missing_values=-999, strategy="median", add_indicator=True)

    check(make_pipeline(imputer, forest()), X, tmp_path)


def test_an_imputer_drops_a_column_without_values_or_keeps_it(tmp_path: Path, numbers: Any) -> None:
    X = numbers()
    X[:, 1] = np.nan

    check(make_pipeline(SimpleImputer(), forest()), X, tmp_path)
    check(make_pipeline(SimpleImputer(keep_empty_features=True), forest()), X, tmp_path)


TEXT: dict[str, Callable[[], Any]] = {
    "OneHotEncoder": lambda: OneHotEncoder(handle_unknown="ignore"),
    "OneHotEncoder dense": lambda: OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "OneHotEncoder dropping the first": lambda: OneHotEncoder(drop="first", handle_unknown="ignore"),
    "OneHotEncoder dropping of two": lambda: OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    "OneHotEncoder with rare ones": lambda: OneHotEncoder(
        min_frequency=10, handle_unknown="infrequent_if_exist"
    ),
    "OneHotEncoder with few": lambda: OneHotEncoder(max_categories=3, handle_unknown="infrequent_if_exist"),
    "OneHotEncoder with rare ones and drop": lambda: OneHotEncoder(
        min_frequency=10, drop="first", handle_unknown="ignore"
    ),
    "OrdinalEncoder": lambda: OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ),
    "OrdinalEncoder with NaN": lambda: OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan
    ),
    "OrdinalEncoder with rare ones": lambda: OrdinalEncoder(
        min_frequency=10, handle_unknown="use_encoded_value", unknown_value=99
    ),
    "OrdinalEncoder with an order": lambda: OrdinalEncoder(
        categories=[["rarer", "blue", "green", "red", "rare"], ["S", "M", "L"]],
        handle_unknown="use_encoded_value",
        unknown_value=-1,
    ),
    "TargetEncoder": lambda: TargetEncoder(random_state=0),
    "TargetEncoder without smoothing": lambda: TargetEncoder(smooth=0.0, random_state=0),
    "SimpleImputer most frequent": lambda: make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    ),
    "SimpleImputer constant": lambda: make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none given", add_indicator=False),
        OneHotEncoder(handle_unknown="ignore"),
    ),
    "two encoders of one column": lambda: FeatureUnion(
        [
            ("one", OneHotEncoder(handle_unknown="ignore", max_categories=3)),
            ("mean", TargetEncoder(random_state=0)),
            ("gap", MissingIndicator()),
        ]
    ),
}
STRANGE = np.array(
    [["red", "XL"], ["violet", "S"], [np.nan, "L"], ["blue", np.nan], ["beige", "m"], ["rare", "M"]], object
)


@pytest.mark.parametrize("name", TEXT)
def test_encoders_of_text(tmp_path: Path, name: str, words: Any) -> None:
    pipeline = Pipeline([("first", TEXT[name]()), ("forest", forest())])

    scorer = check(pipeline, words(), tmp_path, rows=STRANGE)

    assert [field.type for field in scorer.schema] == ["Str", "Str"]
    assert {"red", "green", "blue", "rare", "rarer"} <= set(scorer.schema.inputs[0].categories or ())


@pytest.mark.parametrize("name", ["OneHotEncoder", "OrdinalEncoder"])
def test_encoders_that_never_saw_a_gap_take_unseen_for_missing(tmp_path: Path, name: str, words: Any) -> None:
    pipeline = Pipeline([("first", TEXT[name]()), ("forest", forest())])

    check(pipeline, words(gaps=False), tmp_path, rows=STRANGE)


def test_a_target_encoder_for_values_and_for_classes(tmp_path: Path, words: Any) -> None:
    X = words()
    value = answer(X, 4) * 1.7 + np.random.default_rng(0).normal(size=ROWS)

    regression = make_pipeline(TargetEncoder(random_state=0), lgb.LGBMRegressor(n_estimators=8, **QUIET))
    check(regression, X, tmp_path, y=value, rows=STRANGE)
    classes = make_pipeline(TargetEncoder(random_state=0), forest())
    scorer = check(classes, X, tmp_path, y=np.array(["a", "b", "c"])[answer(X, 3)], rows=STRANGE)

    assert scorer.labels == ("a", "b", "c")
    assert scorer.engine.features == 6


def mixed(**options: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
                ["age", "income"],
            ),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["colour", "size of it"]),
        ],
        **options,
    )


SELECTIONS: dict[str, Callable[[], Any]] = {
    "names": lambda: mixed(),
    "remainder": lambda: mixed(remainder="passthrough"),
    "positions": lambda: ColumnTransformer(
        [("a", StandardScaler(), [0, -5]), ("b", OrdinalEncoder(), [5])], remainder="drop"
    ),
    "slices": lambda: ColumnTransformer(
        [("a", StandardScaler(), slice(0, 2)), ("b", MinMaxScaler(), slice("income", "children"))]
    ),
    "masks": lambda: ColumnTransformer([("a", RobustScaler(), [True, False, True, False, False, False])]),
    "selectors": lambda: make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=[np.number, bool])),
        ("passthrough", ["ok"]),
    ),
    "dropped": lambda: ColumnTransformer([("a", "drop", ["colour"]), ("b", "passthrough", ["age", "ok"])]),
    "nested": lambda: ColumnTransformer(
        [
            ("inner", mixed(remainder=MinMaxScaler()), ["age", "income", "children", "colour", "size of it"]),
            ("mean", TargetEncoder(random_state=0), ["colour"]),
        ],
        remainder="passthrough",
    ),
    "after each other": lambda: make_pipeline(mixed(), VarianceThreshold(0.01), SelectKBest(k=4)),
}


def check_columns(pipeline: Pipeline, table: pd.DataFrame, path: Path) -> None:
    scorer = check(pipeline, table, path, y=answer(table[["colour"]].to_numpy()))
    shuffled = table[table.columns[::-1]].assign(extra=1)
    assert set(scorer.schema.names) <= set(table.columns)
    assert np.array_equal(scorer.predict(shuffled), scorer.predict(table))


@pytest.mark.parametrize("name", SELECTIONS)
def test_columns_of_a_data_frame(tmp_path: Path, name: str, frame: Any) -> None:
    check_columns(Pipeline([("columns", SELECTIONS[name]()), ("forest", forest())]), frame(), tmp_path)


@pytest.mark.parametrize("name", ["names", "remainder", "positions", "slices", "masks", "dropped"])
def test_data_frames_between_the_steps(tmp_path: Path, name: str, frame: Any) -> None:
    pipeline = Pipeline([("columns", SELECTIONS[name]()), ("forest", forest())])
    if name in ("names", "remainder"):
        pipeline.set_params(columns__words__sparse_output=False)

    check_columns(pipeline.set_output(transform="pandas"), frame(), tmp_path)


def test_columns_that_nothing_reads_are_no_inputs(tmp_path: Path, frame: Any) -> None:
    table = frame()
    columns = ColumnTransformer([("a", StandardScaler(), ["age"]), ("b", "drop", ["colour"])])

    scorer = check(make_pipeline(columns, forest()), table, tmp_path, y=answer(table[["colour"]].to_numpy()))

    assert scorer.schema.names == ("age",)


def test_features_carry_scikit_learns_names(tmp_path: Path, frame: Any) -> None:
    table = frame()
    pipeline = Pipeline([("columns", mixed()), ("forest", forest())])

    scorer = check(pipeline, table, tmp_path, y=answer(table[["colour"]].to_numpy()))

    assert scorer.engine.feature_names == [str(name) for name in pipeline[:-1].get_feature_names_out()]
    parts = scorer.contributions(table, "transformed")
    raw = scorer.predict(table, raw_score=True)
    assert np.allclose(parts.sum(axis=1), raw, atol=1e-12)
    parts = scorer.contributions(table, "original")
    assert parts.shape == (ROWS, len(scorer.schema) + 1)
    assert np.allclose(parts.sum(axis=1), raw, atol=1e-12)


def test_category_columns_pass_through_to_the_forest(tmp_path: Path, frame: Any) -> None:
    table = frame()[["age", "colour"]]
    table["colour"] = table["colour"].astype("category")
    columns = ColumnTransformer(
        [("words", "passthrough", ["colour"]), ("numbers", StandardScaler(), ["age"])]
    ).set_output(transform="pandas")
    pipeline = Pipeline([("columns", columns), ("forest", forest(min_data_per_group=3))])

    scorer = check(pipeline, table, tmp_path, y=answer(table[["colour"]].to_numpy()), X=table.head(12))

    assert scorer.schema["colour"].categories == ("blue", "green", "rare", "rarer", "red")


def test_rows_of_the_caller_become_samples_and_types(tmp_path: Path, frame: Any) -> None:
    table = frame()
    pipeline = Pipeline([("columns", mixed(remainder="passthrough")), ("forest", forest())])

    scorer = check(pipeline, table, tmp_path, y=answer(table[["colour"]].to_numpy()), X=table)

    assert [field.type for field in scorer.schema] == ["Float64"] * 3 + ["Str"] * 2 + ["Bool"]
    assert scorer.artifact.samples["rows"][0][3] == table["colour"][0]


def test_rows_of_float32_are_scored_in_float64(tmp_path: Path, numbers: Any) -> None:
    X = numbers(gaps=False).astype(np.float32)
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    pipeline = make_pipeline(StandardScaler(), MinMaxScaler(), forest()).fit(table, answer(X))

    artifact = scoring.pack(pipeline, tmp_path / "m.pipeline", X=table)

    scorer = scoring.load(tmp_path / "m.pipeline")
    assert [field.type for field in artifact.manifest.schema.inputs] == ["Float32"] * 3
    assert np.array_equal(scorer.predict(table), expected_of(pipeline, table.astype(np.float64)))
