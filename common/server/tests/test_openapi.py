"""The definition against the code: codes, routes, keys, answers; then schemathesis on a running server."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from scoring import options
from scoring.fault import FAULTS, PROBLEMS
from scoring.media import Media
from scoring.request import CONTRIBUTION_KEYS, SCORE_KEYS
from server import inference

FOLDER = Path(__file__).parents[2] / "api"
DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "src" / "server" / "openapi.json").read_text(encoding="utf-8")
)
SCHEMAS = DOCUMENT["components"]["schemas"]
BEYOND = {"request_timeout", "malformed_http", "header_too_large", "file_unreadable"} | {
    f"artifact_{what}" for what in ("invalid", "missing", "tampered", "unreadable")
}


def check(name: str, instance: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(instance)


@pytest.mark.skipif(not FOLDER.exists(), reason="common/api is not part of this installation")
def test_the_server_carries_the_definition_as_it_is() -> None:
    target = Path(__file__).parents[1] / "src" / "server" / "openapi.json"
    published = runpy.run_path(str(FOLDER / "publish.py"))["published"]()
    assert target.read_text(encoding="utf-8") == published, "Run `make api`."


def test_it_is_valid_openapi_and_nothing_in_it_is_empty() -> None:
    validate(DOCUMENT)

    def walk(node: Any, path: str) -> None:
        # A comma in YAML's short form cuts a sentence in two; what is left over has no value.
        for key, member in node.items() if isinstance(node, dict) else enumerate(node):
            assert member is not None or path.endswith("/enum"), f"{path}/{key}"
            if isinstance(member, dict | list):
                walk(member, f"{path}/{key}")

    for part in ("info", "tags"):
        walk(DOCUMENT[part], part)
    for name, schema in SCHEMAS.items():
        walk({key: value for key, value in schema.items() if key != "examples"}, name)
    for path, methods in DOCUMENT["paths"].items():
        walk(methods, path)


def test_it_has_every_code_of_the_catalogue() -> None:
    assert set(SCHEMAS["ProblemCode"]["enum"]) == set(PROBLEMS) | BEYOND
    assert set(SCHEMAS["FaultCode"]["enum"]) == set(FAULTS)


def test_it_has_every_key_and_option() -> None:
    assert set(SCHEMAS["ScoreRequest"]["properties"]) == set(SCORE_KEYS)
    assert set(SCHEMAS["ContributionRequest"]["properties"]) == set(CONTRIBUTION_KEYS)
    assert set(SCHEMAS["Datatype"]["enum"]) == set(inference.DATATYPES)
    parameters = DOCUMENT["components"]["parameters"]
    assert {name for name, entry in parameters.items() if entry["in"] == "query"} == set(options.SCORE)
    for path in ("/model/score", "/model/contribution"):
        operation = DOCUMENT["paths"][path]["post"]
        assert set(operation["requestBody"]["content"]) == set(map(str, Media))
        assert set(operation["responses"]["200"]["content"]) == set(map(str, Media))


def test_its_routes_are_those_of_the_server(make: Callable[..., Any], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("", encoding="utf-8")
    app = make()
    served = {(route.method, route.path, route.access) for route in app._router.routes}
    defined = set()
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            access = "open" if operation.get("security") == [] else "api"
            access = "admin" if path.startswith("/admin/") else access
            defined.add((method.upper(), path, access))
    assert {route for route in defined if route[2] != "admin"} == served
    assert {path for _, path, access in defined if access == "admin"} == {"/admin/reload", "/admin/rollback"}


def test_its_examples_fit_their_schemas() -> None:
    checked = 0
    for name, schema in SCHEMAS.items():
        for example in schema.get("examples", ()):
            check(name, example)
            checked += 1
    assert checked >= 8


def test_answers_fit_their_schemas(make: Callable[..., Any], tools: Any) -> None:
    app = make()
    for path, name in (
        ("/model/schema", "Model"),
        ("/model/sample_request", "ScoreRequest"),
        ("/model/sample_contribution_request", "ContributionRequest"),
        ("/livez", "Status"),
        ("/readyz", "Status"),
        ("/v2/models/demo-0", "InferenceModel"),
        ("/v2/models/demo-0/ready", "InferenceReady"),
        ("/nowhere", "Problem"),
    ):
        check(name, tools.fetch(app, "GET", path).json)
    request = {**tools.fetch(app, "GET", "/model/sample_request").json, "requestShapleyValueType": "ORIGINAL"}
    check("ScoreResponse", tools.fetch(app, "POST", "/model/score", body=json.dumps(request).encode()).json)
    parts = tools.fetch(app, "POST", "/model/contribution", body=json.dumps(request).encode()).json
    check("ContributionResponse", parts)
    for body in (b"", b"{}", b'{"fields":["A"],"rows":[[1,[]]],"odd":1,"fields":[2]}'):
        check("Problem", tools.fetch(app, "POST", "/model/score", body=body).json)
    tensors = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    got = tools.fetch(app, "POST", "/v2/models/demo-0/infer", body=json.dumps(tensors).encode())
    check("InferenceResponse", got.json)
    check("InferenceError", tools.fetch(app, "POST", "/v2/models/demo-0/infer", body=b"{}").json)
