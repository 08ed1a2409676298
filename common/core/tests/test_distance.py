import json
import math
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import scoring
from scoring import contract
from scoring._engine import Matrix
from scoring.distance import Distance
from scoring.problem import Problem

RNG = np.random.default_rng(3)
NAMES = ["a", "b", "c", "d"]


def guard(**changes: Any) -> dict[str, Any]:
    """Return a measure of the plane c = a, d = b with unit scale."""
    half = 2**-0.5
    return {
        "fields": ["a", "b", "c", "d"],
        "center": [0.0, 0.0, 0.0, 0.0],
        "scale": [1.0, 1.0, 1.0, 1.0],
        "components": [[half, 0.0, half, 0.0], [0.0, half, 0.0, half]],
        "threshold": 0.5,
    } | changes


def measure(**changes: Any) -> Distance:
    found = Distance.of({"distance": guard(**changes)}, NAMES)
    assert found is not None
    return found


def test_it_is_the_length_of_what_the_projection_leaves() -> None:
    X = RNG.normal(size=(500, 4))
    center, scale = RNG.normal(size=4), RNG.uniform(0.5, 2, 4)
    weights = np.linalg.qr(RNG.normal(size=(4, 2)))[0].T
    found = measure(center=center.tolist(), scale=scale.tolist(), components=weights.tolist()).lengths(X)
    z = (X - center) / scale
    np.testing.assert_allclose(found, np.linalg.norm(z - z @ weights.T @ weights, axis=1), rtol=1e-12)


def test_a_row_has_the_same_bits_alone_and_among_others_and_as_the_definition_says() -> None:
    X = RNG.normal(size=(400, 4))
    X[::7, 2] = np.nan
    found = measure()
    together = found.lengths(np.asfortranarray(X))
    assert [found.lengths(X[k : k + 1])[0] for k in range(400)] == together.tolist()
    weights = guard()["components"]
    for row, length in zip(X[:50].tolist(), together[:50].tolist(), strict=True):
        z = [0.0 if value != value else value for value in row]
        parts = []
        for component in weights:
            total = 0.0
            for value, weight in zip(z, component, strict=True):
                total += value * weight
            parts.append(total)
        squares = 0.0
        for j, value in enumerate(z):
            taken = 0.0
            for part, component in zip(parts, weights, strict=True):
                taken += part * component[j]
            squares += (value - taken) * (value - taken)
        assert length == math.sqrt(squares)


def test_an_array_and_a_matrix_of_the_engine_have_the_same_distances() -> None:
    X = RNG.normal(size=(100, 4))
    found = measure()
    assert found.measure(Matrix(X)) == found.lengths(X).tolist()
    assert found.lengths(X[::-1]).tolist() == found.lengths(X).tolist()[::-1]


def test_what_no_double_can_measure_is_infinitely_far() -> None:
    X = np.zeros((3, 4))
    X[0, 0], X[1, 1], X[2, 3] = np.inf, -np.inf, 1e300
    found = measure()
    assert found.lengths(X).tolist() == [np.inf, np.inf, np.inf]
    assert found.beyond(found.lengths(X)).all()
    assert found.lengths(np.empty((0, 4))).shape == (0,)


def test_without_components_it_is_the_length_itself() -> None:
    found = measure(components=[])
    assert found.lengths(np.array([[3.0, 4.0, 0.0, np.nan]])).tolist() == [5.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ["a", "b", "c", "other"]},
        {"fields": ["a", "a", "c", "d"]},
        {"fields": "abcd"},
        {"fields": [1, 2, 3, 4]},
        {"center": [0.0]},
        {"center": ["x", 0, 0, 0]},
        {"scale": [1.0, 0.0, 1.0, 1.0]},
        {"scale": None},
        {"components": [[1.0]]},
        {"components": [[1.0, None, 0.0, 0.0]]},
        {"components": {"a": 1}},
        {"threshold": None},
        {"threshold": float("nan")},
        {"threshold": True},
        {"threshold": -1.0},
    ],
)
def test_a_malformed_measure_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="distance"):
        measure(**changes)
    with pytest.raises(ValueError, match="not an object"):
        Distance.of({"distance": []}, NAMES)


def scorer(folder: Path, distance: bool = True) -> scoring.Scorer:
    table = pd.DataFrame(RNG.normal(size=(120, 4)), columns=NAMES)
    parameters = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5}
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, table.a), 3)
    packed = scoring.pack(booster, folder / "plain.pipeline", target="y", X=table)
    if not distance:
        return scoring.load(folder / "plain.pipeline")
    return scoring.load(with_baseline(packed, {"distance": guard()}, folder / "measured.pipeline"))


def with_baseline(packed: Any, baseline: dict[str, Any], path: Path) -> Path:
    manifest = packed.manifest
    again = scoring.Artifact.create(
        name=manifest.name,
        task=manifest.task,
        target=manifest.target,
        labels=manifest.labels,
        inputs=manifest.schema.inputs,
        features=packed.features,
        forest=packed.forest.decode(),
        baseline=baseline,
    )
    again.write(path)
    return path


def test_an_answer_flags_rows_on_request(tmp_path: Path) -> None:
    request: dict[str, Any] = {
        "fields": NAMES,
        "rows": [[1, 2, 1, 2], [1, 2, -1, 2], [None, None, None, None]],
    }
    measured = scorer(tmp_path)
    plain = json.loads(measured.score_json(json.dumps(request).encode()))
    assert "outOfDistribution" not in plain
    request["requestOutOfDistribution"] = True
    found = json.loads(measured.score_json(json.dumps(request).encode()))
    assert found["score"] == plain["score"]
    assert found["outOfDistribution"] == [False, True, False]
    assert found["distanceThreshold"] == "0.5"
    assert [float(length) for length in found["distances"]] == pytest.approx([0, 2**0.5, 0], abs=1e-12)
    request["typedOutput"], request["rows"] = True, [["inf", 2, 1, 2]]
    found = json.loads(measured.score_json(json.dumps(request).encode()))
    assert (found["outOfDistribution"], found["distances"]) == ([True], ["Infinity"])
    assert found["distanceThreshold"] == 0.5


def test_without_a_measure_the_request_is_refused_with_501(tmp_path: Path) -> None:
    body = {"fields": NAMES, "rows": [[1, 2, 1, 2]], "requestOutOfDistribution": True}
    with pytest.raises(Problem) as caught:
        contract.answer(scorer(tmp_path, distance=False), json.dumps(body).encode())
    assert caught.value.status == 501
    assert [error["code"] for error in caught.value.errors] == ["unsupported_out_of_distribution"]


def test_an_artifact_with_a_malformed_measure_is_not_loaded(tmp_path: Path) -> None:
    packed = scorer(tmp_path, distance=False).artifact
    with pytest.raises(Problem, match="not usable: its distance has no threshold"):
        with_baseline(packed, {"distance": guard(threshold="far")}, tmp_path / "bad.pipeline")
