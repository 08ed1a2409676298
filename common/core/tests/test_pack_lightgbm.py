"""Packing LightGBM models: the artifact answers as the model does, to the last bit."""

import json
import math
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scoring

QUIET = {
    "num_threads": 1,
    "verbose": -1,
    "deterministic": True,
    "seed": 3,
    "min_data_in_leaf": 5,
    "num_leaves": 7,
}


def numbers(rows: int = 240, columns: int = 4) -> np.ndarray:
    random = np.random.default_rng(5)
    X = random.normal(size=(rows, columns))
    X[random.random(X.shape) < 0.08] = np.nan
    X[random.random(X.shape) < 0.05] = 0.0
    return X


def frame(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(6)
    table = pd.DataFrame(
        {
            "age": random.integers(18, 90, rows),
            "city": pd.Categorical(random.choice(["Oslo", "Aarhus", "Umeå", "NA"], rows)),
            "grade": pd.Categorical(random.choice([1, 2, 5], rows)),
            "share": pd.Categorical(random.choice([0.5, 1.0, 2.25], rows)),
            "flag": pd.Categorical(random.random(rows) < 0.4),
            "income": random.normal(50, 9, rows),
        }
    )
    table.loc[::17, "city"] = None
    table.loc[::13, "income"] = np.nan
    return table


def answer(table: pd.DataFrame) -> np.ndarray:
    votes = [
        table["city"].isin(["Oslo", "NA"]),
        table["grade"].astype(float) > 1.5,
        table["flag"].astype(bool),
        table["share"].astype(float) > 0.7,
        table["age"] > 50,
    ]
    return np.sum(votes, axis=0) > 2


def train(X: object, y: object, rounds: int = 12, **parameters: object) -> lgb.Booster:
    return lgb.train({**QUIET, **parameters}, lgb.Dataset(X, y), rounds)


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and bool(np.array_equal(found, expected, equal_nan=True))


@pytest.mark.parametrize(
    ("objective", "task"),
    [
        ("regression", "regression"),
        ("regression_l1", "regression"),
        ("poisson", "regression"),
        ("gamma", "regression"),
        ("tweedie", "regression"),
        ("quantile", "regression"),
        ("cross_entropy", "regression"),
        ("binary", "binomial"),
        ("multiclass", "multinomial"),
        ("multiclassova", "multinomial"),
    ],
)
def test_every_objective_packs_with_its_task(tmp_path: Path, objective: str, task: str) -> None:
    X = numbers()
    y = np.nan_to_num(np.abs(X[:, 0])) + 0.1
    if task != "regression":
        y = np.digitize(y, [0.5] if objective == "binary" else [0.5, 1.0]).astype(float)
    if objective == "cross_entropy":
        y = np.clip(y, 0, 1)
    booster = train(X, y, objective=objective, **({"num_class": 3} if objective.startswith("multi") else {}))

    scoring.pack(booster, tmp_path / "m.pipeline")
    scorer = scoring.load(tmp_path / "m.pipeline")

    assert scorer.task == task
    assert same(scorer.predict(X), booster.predict(X))
    assert same(scorer.predict(X, raw_score=True), booster.predict(X, raw_score=True))
    assert scorer.verify().ok
    assert scorer.verify().rows == 20
    labels = {"binomial": ["0", "1"], "multinomial": ["0", "1", "2"]}.get(task, [])
    assert list(scorer.labels) == labels
    assert list(scorer.output_names) == ([f"target.{label}" for label in labels] or ["target"])


def test_a_text_file_an_estimator_and_its_booster_pack_alike(tmp_path: Path) -> None:
    X = numbers()
    model = lgb.LGBMClassifier(n_estimators=6, **QUIET).fit(X, np.where(X[:, 0] > 0, "yes", "no"))
    model.booster_.save_model(tmp_path / "m.txt")

    by_estimator = scoring.pack(model, tmp_path / "a.pipeline", target="buys")
    by_booster = scoring.pack(model.booster_, tmp_path / "b.pipeline", labels=["no", "yes"])
    by_text = scoring.pack(tmp_path / "m.txt", tmp_path / "c.pipeline")

    assert by_estimator.manifest.id == by_booster.manifest.id == by_text.manifest.id
    assert by_estimator.manifest.labels == by_booster.manifest.labels == ("no", "yes")
    assert [f.name for f in by_estimator.manifest.schema.outputs] == ["buys.no", "buys.yes"]
    assert same(scoring.load(tmp_path / "c.pipeline").predict(X), model.predict_proba(X)[:, 1])


def test_a_ranker_packs_as_regression(tmp_path: Path) -> None:
    X = numbers()
    model = lgb.LGBMRanker(n_estimators=4, **QUIET).fit(X, np.arange(240) % 3, group=[24] * 10)

    scoring.pack(model, tmp_path / "m.pipeline")

    scorer = scoring.load(tmp_path / "m.pipeline")
    assert scorer.task == "regression"
    assert same(scorer.predict(X), model.predict(X))


def test_a_random_forest_keeps_its_average(tmp_path: Path) -> None:
    X = numbers()
    booster = train(X, X[:, 0] > 0, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.7)

    scoring.pack(booster, tmp_path / "m.pipeline")

    assert same(scoring.load(tmp_path / "m.pipeline").predict(X), booster.predict(X))


def test_early_stopping_packs_the_best_iteration(tmp_path: Path) -> None:
    X = numbers()
    y = np.nan_to_num(X[:, 0]) + np.random.default_rng(1).normal(size=len(X))
    booster = lgb.train(
        {**QUIET, "objective": "regression", "learning_rate": 0.5},
        lgb.Dataset(X[:120], y[:120]),
        60,
        valid_sets=[lgb.Dataset(X[120:], y[120:])],
        callbacks=[lgb.early_stopping(5, verbose=False)],
        keep_training_booster=True,
    )
    assert booster.best_iteration < booster.num_trees()

    scoring.pack(booster, tmp_path / "m.pipeline")

    scorer = scoring.load(tmp_path / "m.pipeline")
    assert scorer.engine.trees == booster.best_iteration
    assert same(scorer.predict(X), booster.predict(X))


def test_categories_survive(tmp_path: Path) -> None:
    table = frame()
    model = lgb.LGBMClassifier(n_estimators=15, min_data_per_group=5, **QUIET).fit(table, answer(table))

    scoring.pack(model, tmp_path / "m.pipeline")

    scorer = scoring.load(tmp_path / "m.pipeline")
    fields = {field.name: field for field in scorer.schema}
    assert fields["city"].type == "Str"
    assert fields["city"].categories == ("Aarhus", "NA", "Oslo", "Umeå")
    assert "NA" not in fields["city"].missing
    assert (fields["grade"].type, fields["grade"].categories) == ("Int64", ("1", "2", "5"))
    assert (fields["share"].type, fields["share"].categories) == ("Float64", ("0.5", "1.0", "2.25"))
    assert (fields["flag"].type, fields["flag"].categories) == ("Bool", ("false", "true"))
    assert same(scorer.predict(table), model.predict_proba(table)[:, 1])
    # The same rows as cells: texts in, the same codes as in training.
    cells = table.astype(object).where(table.notna(), None).to_numpy()
    assert same(scorer.predict(cells), model.predict_proba(table)[:, 1])
    assert scorer.labels == ("False", "True")


def test_unseen_categories_score_as_lightgbm_scores_them(tmp_path: Path) -> None:
    table = frame()
    model = lgb.LGBMClassifier(n_estimators=15, min_data_per_group=5, **QUIET).fit(table, answer(table))
    scoring.pack(model, tmp_path / "m.pipeline")
    strange = table.head(30).copy()
    strange["city"] = pd.Categorical(["Rome", "Oslo"] * 15)
    strange["grade"] = pd.Categorical([2, 7, 5] * 10)

    assert same(scoring.load(tmp_path / "m.pipeline").predict(strange), model.predict_proba(strange)[:, 1])


def test_ordered_categories_keep_their_order_and_their_unseen(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    sizes = ["small", "middle", "large", "huge"]
    table = pd.DataFrame(
        {
            "size": pd.Categorical(random.choice(sizes, 300), categories=sizes, ordered=True),
            "x": random.normal(size=300),
        }
    )
    table.loc[::9, "size"] = None
    y = table["size"].cat.codes + table["x"]
    booster = train(table, y, objective="regression")
    strange = table.head(40).copy()
    strange["size"] = pd.Categorical(
        ["enormous", "large"] * 20, categories=["enormous", "large"], ordered=True
    )

    scoring.pack(booster, tmp_path / "m.pipeline", X=table)

    scorer = scoring.load(tmp_path / "m.pipeline")
    assert same(scorer.predict(table), booster.predict(table))
    assert same(scorer.predict(strange), booster.predict(strange))


def test_category_columns_that_the_text_does_not_tell_need_rows_or_a_schema(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "size": pd.Categorical(random.choice(["a", "b", "c"], 300), ordered=True),
            "x": random.normal(size=300),
        }
    )
    booster = train(table, table["x"] + table["size"].cat.codes, objective="regression")

    with pytest.raises(scoring.Problem, match="does not tell which") as caught:
        scoring.pack(booster, tmp_path / "m.pipeline")
    scoring.pack(booster, tmp_path / "m.pipeline", schema={"size": {"categories": ["a", "b", "c"]}})

    assert "X" in caught.value.hint
    assert same(scoring.load(tmp_path / "m.pipeline").predict(table), booster.predict(table))


def test_integer_codes_get_words_from_the_schema(tmp_path: Path) -> None:
    X = numbers()
    X[:, 2] = np.arange(len(X)) % 3
    data = lgb.Dataset(X, X[:, 2] == 1, categorical_feature=[2], feature_name=["a", "b", "colour", "d"])
    booster = lgb.train({**QUIET, "objective": "binary"}, data, 5)
    (tmp_path / "schema.json").write_text(
        json.dumps({"colour": {"type": "Str", "categories": ["red", "green", "blue"]}})
    )

    scoring.pack(booster, tmp_path / "m.pipeline", schema=tmp_path / "schema.json")

    scorer = scoring.load(tmp_path / "m.pipeline")
    cells = X.astype(object)
    cells[:, 2] = [["red", "green", "blue"][int(code)] for code in X[:, 2]]
    assert same(scorer.predict(cells), booster.predict(X))


def test_rows_of_codes_become_cells(tmp_path: Path) -> None:
    X = numbers()
    X[:, 2] = np.arange(len(X)) % 3
    X[:, 3] = 1_500_000_000 + np.arange(len(X)) * 86400.5
    data = lgb.Dataset(X, X[:, 2] == 1, categorical_feature=[2], feature_name=["a", "b", "colour", "when"])
    booster = lgb.train({**QUIET, "objective": "binary"}, data, 5)
    schema = {"colour": {"type": "Str", "categories": ["red", "green", "blue"]}, "when": {"type": "Time64"}}

    artifact = scoring.pack(booster, tmp_path / "m.pipeline", schema=schema, X=X)

    assert [row[2] for row in artifact.samples["rows"][:3]] == ["red", "green", "blue"]
    assert artifact.samples["rows"][1][3] == "2017-07-15T02:40:00.5Z"
    assert np.ravel(artifact.samples["output"]).tolist() == booster.predict(X[:20]).tolist()
    assert scoring.load(tmp_path / "m.pipeline").verify().ok


def test_a_data_frame_gives_types_names_and_examples(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "big id": random.integers(0, 99, 200),
            "small": random.integers(0, 9, 200).astype(np.int32),
            "half": random.normal(size=200).astype(np.float32),
            "ok": random.random(200) < 0.5,
            "x": random.normal(size=200),
        }
    )
    booster = train(table.to_numpy(np.float64), table["x"] > 0, objective="binary")
    booster = train(table, table["x"] > 0, objective="binary")

    artifact = scoring.pack(booster, tmp_path / "m.pipeline", X=table)

    fields = artifact.manifest.schema.inputs
    assert [field.name for field in fields] == ["big id", "small", "half", "ok", "x"]
    assert [field.type for field in fields] == ["Int64", "Int32", "Float32", "Bool", "Float64"]
    assert fields[0].example == str(table["big id"][0])
    assert fields[3].example == str(bool(table["ok"][0])).lower()
    assert artifact.samples["rows"][0][0] == str(table["big id"][0])
    assert same(scoring.load(tmp_path / "m.pipeline").predict(table), booster.predict(table))


def test_ranges_come_from_the_model(tmp_path: Path) -> None:
    X = numbers()
    artifact = scoring.pack(train(X, X[:, 0] > 0, objective="binary"), tmp_path / "m.pipeline")

    field = artifact.manifest.schema.inputs[0]

    assert (field.minimum, field.maximum) == (np.nanmin(X[:, 0]), np.nanmax(X[:, 0]))
    assert field.minimum <= float(field.example) <= field.maximum


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e9, 1e15, math.inf])
def test_numbers_may_be_times(tmp_path: Path, scale: float) -> None:
    X = numbers() * 1e8
    booster = train(X, np.nan_to_num(X[:, 0]))
    given = X * scale if math.isfinite(scale) else np.full_like(X, scale)

    for rows in (given, pd.DataFrame(given, columns=booster.feature_name())):
        scoring.pack(booster, tmp_path / "m.pipeline", X=rows, schema={"Column_0": {"type": "Time64"}})
        scorer = scoring.load(tmp_path / "m.pipeline")

        assert scorer.verify().ok
        assert (scorer.predict(given) == booster.predict(given)).all()


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    table = frame()
    booster = train(table, answer(table).astype(float), objective="binary")

    first = scoring.pack(booster, tmp_path / "m.pipeline")
    second = scoring.pack(booster, tmp_path / "n.pipeline", name="m")

    assert first.digest == second.digest
    assert (tmp_path / "m.pipeline").read_bytes() == (tmp_path / "n.pipeline").read_bytes()


REFUSALS = {
    "a dict": (lambda: {}, {}, "cannot be packed"),
    "an unfitted estimator": (lambda: lgb.LGBMRegressor(), {}, "not fitted"),
    "a missing file": (lambda: "/nowhere/model.txt", {}, "no model at"),
    "a linear tree": (lambda: train(numbers(), np.arange(240.0), linear_tree=True), {}, "linear"),
    "too few labels": (lambda: binary(), {"labels": ["only"]}, "2 classes"),
    "labels twice": (lambda: binary(), {"labels": ["a", "a"]}, "2 classes"),
    "labels for regression": (lambda: train(numbers(), np.arange(240.0)), {"labels": ["a"]}, "no classes"),
    "an unknown field": (lambda: binary(), {"schema": {"Column_O": {}}}, "not an input"),
    "a bad type": (lambda: binary(), {"schema": {"Column_0": {"type": "Float"}}}, "does not exist"),
    "a schema file that is absent": (lambda: binary(), {"schema": "/nowhere/schema.json"}, "cannot be read"),
    "rows as a mapping": (lambda: binary(), {"X": {"Column_0": [1.0]}}, "X is a dict"),
    "no rows": (lambda: binary(), {"X": np.empty((0, 4))}, "holds no rows"),
    "one row": (lambda: binary(), {"X": [1.0, 2.0, 3.0, 4.0]}, "holds no rows"),
    "rows of another width": (lambda: binary(), {"X": np.ones((3, 2))}, "2 cells, the schema has 4"),
    "rows of other names": (lambda: binary(), {"X": pd.DataFrame({"a": [1.0]})}, "no column 'Column_0'"),
    "labels as one text": (lambda: binary(), {"labels": "ab"}, "labels are one text"),
    "a target that is no text": (lambda: binary(), {"target": 5}, "target is no text"),
    "metrics that JSON lacks": (lambda: binary(), {"metrics": {"auc": math.nan}}, "metrics cannot be"),
    "notes that JSON lacks": (lambda: binary(), {"data": {"at": Path()}}, "data cannot be written"),
    "a schema as a list": (lambda: binary(), {"schema": [1]}, "not an object"),
    "a new name": (lambda: binary(), {"schema": {"Column_0": {"name": "age"}}}, "renames 'Column_0'"),
    "a wrong example": (lambda: binary(), {"schema": {"Column_0": {"example": "old"}}}, "that is text"),
    "an endless range": (lambda: binary(), {"schema": {"Column_0": {"max": math.inf}}}, "not finite"),
    "a range upside down": (lambda: binary(), {"schema": {"Column_0": {"min": 5, "max": 1}}}, "min above"),
    "no trees": (lambda: lgb.Booster(QUIET, lgb.Dataset(numbers(), np.arange(240.0))), {}, "no trees"),
    "a custom objective": (lambda: custom(), {"labels": ["a", "b"]}, "no classes"),
}


def binary() -> lgb.Booster:
    X = numbers()
    return train(X, X[:, 0] > 0, rounds=2, objective="binary")


def custom() -> lgb.Booster:
    def gradient(scores: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
        return scores - data.get_label(), np.ones_like(scores)

    return train(numbers(), np.arange(240.0), rounds=2, objective=gradient)


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_packed_is_refused_with_a_reason(tmp_path: Path, case: str) -> None:
    make, options, message = REFUSALS[case]

    with pytest.raises(scoring.Problem, match=message) as caught:
        scoring.pack(make(), tmp_path / "m.pipeline", **options)

    assert caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [("left_child=", "left_child=99 "), ("threshold=", "treshold=")])
def test_a_damaged_text_is_refused(tmp_path: Path, damage: tuple[str, str]) -> None:
    (tmp_path / "m.txt").write_text(binary().model_to_string().replace(*damage))

    with pytest.raises(scoring.Problem, match="tree 0"):
        scoring.pack(tmp_path / "m.txt", tmp_path / "m.pipeline")

    assert not (tmp_path / "m.pipeline").exists()


def test_a_nearly_right_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(scoring.Problem) as caught:
        scoring.pack(binary(), tmp_path / "m.pipeline", schema={"column_1": {}})

    assert "'Column_1'" in caught.value.hint


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(scoring.Problem, match="cannot be written"):
        scoring.pack(binary(), tmp_path / "none" / "m.pipeline")
