"""The models that are measured: trained once from seeded synthetic tables, kept in build/benchmarks."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import lightgbm as lgb
import numpy as np
import scoring
from numpy.typing import NDArray

CACHE = Path(__file__).resolve().parent.parent / "build" / "benchmarks"
TRAINING_ROWS = 30_000
TEST_ROWS = 20_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """How large a model is, and on what kind of table it was trained."""

    name: str
    about: str
    objective: str
    iterations: int
    leaves: int
    features: int
    categorical: int = 0
    classes: int = 1
    missing: float = 0.0


PLANS = {
    "A": Plan("A", "3 classes, 600 trees x 31 leaves, 16 features", "multiclass", 200, 31, 16, classes=3),
    "B": Plan(
        "B", "binary, 500 trees x 63 leaves, 30 features, 6 of them categorical, 5 % missing",
        "binary", 500, 63, 30, categorical=6, missing=0.05,
    ),
    "C": Plan("C", "regression, 1000 trees x 255 leaves, 100 features", "regression", 1000, 255, 100),
}  # fmt: skip
NAMES = os.environ.get("BENCH_MODELS", "ABC")  # one letter each
CARDINALITIES = (3, 8, 20, 50, 100, 200)


class Model:
    """A model in every form that a measurement needs; each is made when it is first asked for."""

    def __init__(self, name: str) -> None:
        self.plan = PLANS[name]

    @cached_property
    def text_path(self) -> Path:
        path = CACHE / f"{self.plan.name}.txt"
        if not path.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            _train(self.plan).save_model(fresh)
            fresh.replace(path)
        return path

    @cached_property
    def artifact_path(self) -> Path:
        path = CACHE / f"{self.plan.name}.pipeline"
        newest = max(self.text_path.stat().st_mtime, Path(scoring.__file__).stat().st_mtime)
        if not path.exists() or path.stat().st_mtime < newest:
            scoring.pack(self.text_path, path, name=self.plan.name)
        return path

    @cached_property
    def booster(self) -> lgb.Booster:
        return lgb.Booster(model_file=self.text_path)

    @cached_property
    def scorer(self) -> scoring.Scorer:
        return scoring.load(self.artifact_path)

    @cached_property
    def rows(self) -> Floats:
        """Rows that the model was not trained on: (TEST_ROWS, features), C order."""
        return _table(self.plan, TEST_ROWS, seed=2)[0]


def _table(plan: Plan, rows: int, seed: int) -> tuple[Floats, Floats]:
    """Return correlated features (latent factors and noise) and a target with interactions."""
    mixing = np.random.default_rng(0).normal(size=(6, plan.features))
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(rows, 6))
    X = latent @ mixing + 0.7 * rng.normal(size=(rows, plan.features))
    signal = (
        latent[:, 0] * latent[:, 1]
        + np.sin(2 * latent[:, 2])
        + np.abs(latent[:, 3])
        + X[:, -1] * X[:, -2] / 4
    )
    for column, size in enumerate(CARDINALITIES[: plan.categorical]):
        code = np.floor((1 + np.tanh(X[:, column] / 3)) / 2 * size).clip(0, size - 1)
        shuffled = np.random.default_rng(column).permutation(size)
        X[:, column] = shuffled[code.astype(int)]
        signal += np.random.default_rng(100 + column).normal(size=size)[code.astype(int)] / 2
    y = signal + 0.5 * rng.normal(size=rows)
    if plan.missing:
        X[rng.random(X.shape) < plan.missing] = np.nan
    return np.ascontiguousarray(X), y


def _train(plan: Plan) -> lgb.Booster:
    X, y = _table(plan, TRAINING_ROWS, seed=1)
    parameters = {
        "objective": plan.objective, "num_leaves": plan.leaves, "learning_rate": 0.05, "verbose": -1,
        "deterministic": True, "force_row_wise": True, "seed": 1,
    }  # fmt: skip
    if plan.classes > 1:
        parameters["num_class"] = plan.classes
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, plan.classes + 1)[1:-1])).astype(float)
    elif plan.objective == "binary":
        y = (y > np.median(y)).astype(float)
    data = lgb.Dataset(X, y, categorical_feature=list(range(plan.categorical)))
    return lgb.train(parameters, data, plan.iterations)
