"""What the halves of one subject share: parts of an artifact, rows with their forest, rows for pipelines."""

import datetime
import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scoring
from scoring import Artifact, Field, Problem, Scorer
from scoring.archive import read_archive, write_archive
from scoring.graph import Graph

COLOURS = ("red", "green", "blue")
FIELDS = [
    Field("length"),
    Field("width"),
    Field("colour", "Str", categories=COLOURS),
    Field("ok", "Bool"),
    Field("since", "Time64"),
]
QUIET = {"num_threads": 1, "verbose": -1, "deterministic": True, "min_data_in_leaf": 3, "num_leaves": 9}


def features(*inputs: str, count: int | None = None) -> bytes:
    outputs = list(range(len(inputs) if count is None else count))
    return Graph(inputs).to_bytes(outputs, [inputs[i] for i in outputs], list(range(len(inputs))))


class Parts:
    """A tiny artifact, and what it takes to make another, right or wrong."""

    @staticmethod
    def forest_text(objective: str = "binary", **options: Any) -> str:
        random = np.random.default_rng(3)
        X = random.normal(size=(120, 2))
        y = np.digitize(X[:, 0], [0.0] if objective == "binary" else [-0.5, 0.5]).astype(float)
        parameters = {
            "objective": objective,
            "num_threads": 1,
            "verbose": -1,
            "min_data_in_leaf": 5,
            "num_leaves": 4,
        }
        data = lgb.Dataset(X, y, feature_name=["a", "b"])
        return lgb.train({**parameters, **options}, data, 3).model_to_string()

    @staticmethod
    def features(*inputs: str, count: int | None = None) -> bytes:
        return features(*(inputs or ("a", "b")), count=count)

    @cached_property
    def forest(self) -> str:
        return self.forest_text()

    def make(self, **changes: Any) -> Artifact:
        parts: dict[str, Any] = {
            "name": "tiny",
            "task": "binomial",
            "target": "y",
            "labels": ["no", "yes"],
            "inputs": [Field("a"), Field("b", missing=("", "n/a"))],
            "features": self.features(),
            "forest": self.forest,
            "samples": {"rows": [["1.5", "n/a"]], "raw": [[0.25]], "output": [[0.5]]},
            "baseline": {"fields": {"a": {"missing": 0.1, "quantiles": [1.0, 2.0]}}},
            "metrics": {"log_loss": 0.4},
        }
        return Artifact.create(**{**parts, **changes})

    @cached_property
    def good(self) -> Artifact:
        return self.make()

    @cached_property
    def members(self) -> dict[str, bytes]:
        return read_archive(self.good.data)

    def repacked(self, changes: dict[str, bytes | None], *, honest: bool = True) -> bytes:
        """Change members; `honest` writes their digests and the id into the manifest, as a packer would."""
        members = {**self.members, **changes}
        kept = {name: data for name, data in members.items() if data is not None}
        if honest and "manifest.json" in kept and "manifest.json" not in changes:
            manifest = json.loads(kept["manifest.json"])
            manifest["members"] = {
                name: hashlib.sha256(data).hexdigest()
                for name, data in kept.items()
                if name != "manifest.json"
            }
            if kept.keys() >= {"features.json", "forest-0.txt"}:
                digest = hashlib.sha256(kept["features.json"] + kept["forest-0.txt"]).hexdigest()
                manifest["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, digest))
            kept["manifest.json"] = json.dumps(manifest).encode()
        return write_archive(kept)

    @staticmethod
    def refused(data: bytes) -> Problem:
        with pytest.raises(Problem) as caught:
            scoring.load(data)
        assert caught.value.status == 503
        assert caught.value.hint
        return caught.value


@pytest.fixture(scope="session")
def parts() -> Parts:
    return Parts()


def matrix(rows: int = 200) -> np.ndarray:
    """What the engine takes: numbers, codes, seconds."""
    random = np.random.default_rng(8)
    X = random.normal(size=(rows, 5)).round(3)
    X[:, 2] = random.integers(0, 3, rows)
    X[:, 3] = random.integers(0, 2, rows)
    X[:, 4] = 1_500_000_000 + random.integers(0, 10**8, rows)
    X[random.random(X.shape) < 0.05] = np.nan
    return X


@dataclass(frozen=True)
class Trained:
    """Rows as the engine takes them, their fields, and the booster trained on them."""

    X: np.ndarray
    fields: list[Field]
    booster: lgb.Booster
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]

    @cached_property
    def expected(self) -> np.ndarray:
        return np.asarray(self.booster.predict(self.X))

    def columns(self, count: int | None = None) -> dict[str, list[Any]]:
        """Return the same rows as a person would hold them."""
        cells: dict[str, list[Any]] = {}
        for place, name in enumerate(self.names):
            values = [None if value != value else value for value in self.X[:count, place].tolist()]
            if name == "colour":
                values = [None if value is None else COLOURS[int(value)] for value in values]
            if name == "ok":
                values = [None if value is None else bool(value) for value in values]
            if name == "since":
                utc = datetime.UTC
                values = [
                    None if v is None else datetime.datetime.fromtimestamp(v, utc).replace(tzinfo=None)
                    for v in values
                ]
            cells[name] = values
        return cells

    def make(self, **changes: Any) -> Scorer:
        parts: dict[str, Any] = {
            "name": "tiny",
            "task": "binomial",
            "target": "fits",
            "labels": ["no", "yes"],
            "inputs": self.fields,
            "features": features(*self.names),
            "forest": self.booster.model_to_string(),
        }
        return Scorer(Artifact.create(**{**parts, **self.parts, **changes}))


@pytest.fixture(scope="session")
def tiny() -> Trained:
    """Every type of field."""
    X = matrix()
    known = np.nan_to_num(X)
    y = ((known[:, 0] > 0) ^ (known[:, 2] == 1)) | (known[:, 4] > 1.55e9) & (known[:, 3] > 0)
    names = [field.name for field in FIELDS]
    data = lgb.Dataset(X, y, feature_name=names, categorical_feature=[2])
    return Trained(X, FIELDS, lgb.train({**QUIET, "objective": "binary"}, data, 12))


@pytest.fixture(scope="session")
def plain() -> Trained:
    """Two numbers."""
    X = matrix()[:, :2]
    data = lgb.Dataset(X, np.nan_to_num(X[:, 0]), feature_name=["length", "width"])
    return Trained(X, FIELDS[:2], lgb.train(QUIET, data, 5), {"task": "regression", "labels": []})


@pytest.fixture(scope="session")
def numbers() -> Callable[..., Any]:
    """Rows of numbers, with gaps or without."""

    def make(gaps: bool = True) -> np.ndarray:
        random = np.random.default_rng(1)
        X = random.normal(3, 20, size=(160, 3))
        X[:, 2] = random.integers(0, 5, 160)
        if gaps:
            X[random.random(X.shape) < 0.1] = np.nan
        return X

    return make


@pytest.fixture(scope="session")
def words() -> Callable[..., Any]:
    """Rows of texts, with gaps or without."""

    def make(gaps: bool = True) -> np.ndarray:
        random = np.random.default_rng(2)
        X = np.empty((160, 2), object)
        X[:, 0] = random.choice(
            ["red", "green", "blue", "rare", "rarer"], 160, p=[0.4, 0.3, 0.26, 0.02, 0.02]
        )
        X[:, 1] = random.choice(["S", "M", "L"], 160)
        if gaps:
            X[random.random(X.shape) < 0.1] = np.nan
        return X

    return make


@pytest.fixture(scope="session")
def frame(numbers: Any, words: Any) -> Callable[..., Any]:
    """A table of both."""

    def make() -> pd.DataFrame:
        table = pd.DataFrame(numbers(), columns=["age", "income", "children"])
        table["colour"] = words()[:, 0]
        table["size of it"] = words()[:, 1]
        table["ok"] = np.arange(160) % 3 == 0
        return table

    return make
