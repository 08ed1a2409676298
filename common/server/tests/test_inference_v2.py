import json
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import scoring
from server.app import App
from server.settings import Settings

RNG = np.random.default_rng(2)


def infer(app: App, tools: Any, body: Any, name: str = "demo-0", **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return tools.fetch(app, "POST", f"/v2/models/{name}/infer", body=raw, headers=named)


def tensor(data: Any, shape: list[int], datatype: str = "FP64", name: str = "input-0") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def columns(X: Any, names: str = "abcd") -> list[dict[str, Any]]:
    return [tensor(X[:, k].tolist(), [len(X)], name=name) for k, name in enumerate(names)]


def test_the_server_and_the_model_say_what_they_are(make: Any, tools: Any) -> None:
    app = make()
    assert tools.fetch(app, "GET", "/v2").json["name"] == "scoring-server"
    assert tools.fetch(app, "GET", "/v2/health/live").json == {"live": True}
    assert tools.fetch(app, "GET", "/v2/health/ready").json == {"ready": True}
    card = tools.fetch(app, "GET", "/v2/models/demo-0").json
    assert card["inputs"][0] == {"name": "a", "datatype": "FP64", "shape": [-1]}
    assert [output["name"] for output in card["outputs"]] == ["y.no", "y.yes"]
    assert tools.fetch(app, "GET", "/v2/models/demo-0/ready").json == {"name": "demo-0", "ready": True}
    other = tools.fetch(app, "GET", "/v2/models/other")
    assert (other.status, other.json) == (404, {"error": "There is no such model. The model is demo-0."})
    app.draining = True
    assert tools.fetch(app, "GET", "/v2/health/ready").status == 503
    assert tools.fetch(app, "GET", "/v2/models/demo-0/ready").json["ready"] is False


@pytest.mark.parametrize("nested", [True, False])
def test_one_tensor_and_a_tensor_an_input_score_alike(make: Any, tools: Any, nested: bool) -> None:
    app = make()
    X = RNG.normal(size=(5, 4))
    wanted = app.stand.current.scorer.outputs(X)
    one = tensor(X.tolist() if nested else X.ravel().tolist(), [5, 4])
    many = [{**entry, "shape": [5, 1]} for entry in columns(X)] if nested else columns(X)
    for inputs in ([one], many, many[::-1]):
        got = infer(app, tools, {"id": "r-1", "inputs": inputs})
        assert got.status == 200
        found = got.json
        assert (found["model_name"], found["id"]) == ("demo-0", "r-1")
        assert found["parameters"]["pipeline_digest"] == app.stand.current.digest
        assert [(output["name"], output["shape"]) for output in found["outputs"]] == [
            ("y.no", [5]),
            ("y.yes", [5]),
        ]
        assert np.column_stack([output["data"] for output in found["outputs"]]).tolist() == wanted.tolist()
    chosen = infer(app, tools, {"inputs": [one], "outputs": [{"name": "y.yes"}]}).json["outputs"]
    assert [output["data"] for output in chosen] == [wanted[:, 1].tolist()]


def test_text_and_missing_values(tmp_path: Path, tools: Any) -> None:
    table = pd.DataFrame(
        {"x": RNG.normal(size=120), "colour": pd.Categorical(RNG.choice(["red", "blue"], 120))}
    )
    parameters = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5}
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, table.x), 4)
    path = tmp_path / "text.pipeline"
    scoring.pack(booster, path, name="text", target="y", X=table)
    app = App(Settings(path, watch_seconds=0, access_log=tmp_path / "log", workers=1))
    app.start()
    try:
        inputs = [
            tensor([0.5, None, 1], [3], "FP32", "x"),
            tensor(["red", None, "odd"], [3], "BYTES", "colour"),
        ]
        found = infer(app, tools, {"inputs": inputs}, "text").json
        wanted = app.stand.current.scorer.predict([[0.5, "red"], [None, None], [1, "odd"]])
        assert found["outputs"][0]["data"] == wanted.tolist()
        assert tools.fetch(app, "GET", "/v2/models/text").json["inputs"][1]["datatype"] == "BYTES"
        refused = infer(app, tools, {"inputs": [tensor([1, 2], [1, 2])]}, "text")
        assert (refused.status, list(refused.json)) == (422, ["error"])
        inputs[0]["data"], inputs[0]["datatype"] = ["wide", "1", "2"], "BYTES"
        refused = infer(app, tools, {"inputs": inputs}, "text")
        assert "wide" not in refused.body.decode()
        assert "Row 0" in refused.json["error"]
    finally:
        app.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 422),
        ({}, 422),
        ({"inputs": []}, 422),
        ({"inputs": 5}, 422),
        ({"inputs": [5]}, 422),
        ({"inputs": [{"name": 5}]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [1, 4], "FP128")]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [1, 4], ["FP64"])]}, 422),  # type: ignore[arg-type]
        ({"inputs": [tensor([1, 2, 3, 4], [4, 1])]}, 422),
        ({"inputs": [tensor([1, 2, 3], [1, 4])]}, 422),
        ({"inputs": [tensor([1, 2, 3], [1, 3])]}, 422),
        ({"inputs": [tensor([], [0, 4])]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [-1, -4])]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [1, 1, 4])]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [True, 4])]}, 422),
        ({"inputs": [tensor([1], [10**30, 10**30])]}, 422),
        ({"inputs": [tensor([[1, 2], [3, 4]], [1, 4])]}, 422),
        ({"inputs": [tensor([1, 2, 3, "4"], [1, 4])]}, 422),
        ({"inputs": [tensor([1, 2, 3, [4]], [1, 4])]}, 422),
        (
            {
                "inputs": [
                    {"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}
                ]
            },
            422,
        ),
        ({"inputs": [tensor([1], [1], name="a"), tensor([1], [1], name="a")]}, 422),
        ({"inputs": [tensor([1], [1], name="a"), tensor([1, 2], [2], name="b")]}, 422),
        ({"inputs": [tensor([1], [1], name=name) for name in "abc"]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [1, 4])], "outputs": [{"name": "other"}]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [1, 4])], "outputs": [5]}, 422),
        ({"inputs": [tensor([1, 2, 3, 4], [1, 4])], "outputs": 5}, 422),
    ],
)
def test_errors_have_the_protocols_shape(make: Any, tools: Any, body: Any, status: int) -> None:
    got = infer(make(), tools, body)
    assert got.status == status
    assert list(got.json) == ["error"]
    assert isinstance(got.json["error"], str)


def test_media_types_and_limits(make: Any, tools: Any) -> None:
    app = make(contract=scoring.settings.Settings(scoring.settings.Limits(rows=2)))
    body = {"inputs": [tensor([0.0] * 12, [3, 4])]}
    assert infer(app, tools, body).status == 413
    assert infer(app, tools, body, content_type="text/csv").status == 415
    assert infer(app, tools, body, content_encoding="gzip").status == 415
    assert infer(app, tools, body, inference_header_content_length="12").status == 415


def test_an_infinite_score_is_text_as_in_every_answer() -> None:
    from server.inference import _data

    assert _data([1.5, float("inf"), float("nan")]) == [1.5, "Infinity", None]
