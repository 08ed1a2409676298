"""The package under AWS's runtime emulator answers each kind of event with the local scorer's bytes."""

import base64
import gzip
import json
from typing import Any

import pytest
from scoring import contract

KINDS = ["rest", "http", "url", "alb"]


def _answer(sandbox: Any, event: Any) -> dict[str, Any]:
    status, content, _ = sandbox.invoke(json.dumps(event).encode())
    assert status == 200, sandbox.text()
    answer: dict[str, Any] = json.loads(content)
    assert "errorType" not in answer, answer
    return answer


def _body(answer: dict[str, Any]) -> bytes:
    body = answer["body"].encode()
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body


@pytest.mark.parametrize("way", ["plain", "base64", "gzip"])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_bytes_of_the_local_scorer(
    start: Any, function: Any, recorded: Any, scorer: Any, body: bytes, kind: str, way: str
) -> None:
    event = recorded(kind)
    if way == "plain":
        event["body"] = body.decode()
    else:
        event["body"] = base64.b64encode(gzip.compress(body) if way == "gzip" else body).decode()
        event["isBase64Encoded"] = True
    if way == "gzip":
        event["headers"]["content-encoding"] = "gzip"
        if "multiValueHeaders" in event:
            event["multiValueHeaders"]["content-encoding"] = ["gzip"]

    answer = _answer(start(function), event)

    assert answer["statusCode"] == 200
    assert _body(answer) == scorer.score_json(body)


def test_a_direct_call(start: Any, function: Any, scorer: Any, body: bytes) -> None:
    assert _answer(start(function), json.loads(body)) == json.loads(scorer.score_json(body))


def test_the_other_routes(start: Any, function: Any, recorded: Any, scorer: Any) -> None:
    sandbox = start(function)
    expected = {
        "schema": contract.schema(scorer),
        "sample_request": contract.sample_request(scorer),
        "capabilities": contract.capabilities(scorer),
    }
    for name, content in expected.items():
        event = recorded("rest")
        event |= {"httpMethod": "GET", "path": f"/model/{name}", "pathParameters": {"proxy": f"model/{name}"}}
        event["requestContext"] |= {"httpMethod": "GET", "path": f"/v1/model/{name}"}

        assert _body(_answer(sandbox, event)) == content


def test_contributions(start: Any, function: Any, recorded: Any, scorer: Any, body: bytes) -> None:
    request = json.dumps({**json.loads(body), "requestShapleyValueType": "ORIGINAL"}).encode()
    event = recorded("rest")
    event |= {
        "path": "/model/contribution",
        "pathParameters": {"proxy": "model/contribution"},
        "body": request.decode(),
    }

    assert _body(_answer(start(function), event)) == contract.contribution(scorer, request)
