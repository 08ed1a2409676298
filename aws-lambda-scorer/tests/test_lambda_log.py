"""The log: one line a request, which is a metric too, and never a cell."""

import json
from typing import Any

import pytest


def lines(capfd: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_a_request_is_one_line_with_its_metrics(
    handle: Any, event: Any, context: Any, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    )
    capfd.readouterr()
    handle(event("rest_api", headers={"x-request-id": "mine"}, multiValueHeaders=None), context)
    (line,) = lines(capfd)
    assert (line["kind"], line["id"], line["method"], line["route"]) == (
        "http",
        "mine",
        "POST",
        "/model/score",
    )
    assert (line["status"], line["rows"], line["requests"]) == (200, 1, 1)
    assert line["trace"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert len(line["digest"]) == 64
    assert 0 < line["engine_ms"] <= line["ms"]
    (wanted,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] > 1_600_000_000_000
    assert wanted["Namespace"] == "Scoring"
    for names in (*wanted["Dimensions"], [metric["Name"] for metric in wanted["Metrics"]]):
        assert set(names) <= set(line)  # the embedded metric format wants every name as a member


def test_a_refused_request_says_its_code_and_no_cell(
    handle: Any, event: Any, body: bytes, capfd: Any
) -> None:
    request = json.loads(body)
    request["rows"][0][0] = "s3cret"
    answer = handle(event("rest_api", body=json.dumps(request)), None)
    text = capfd.readouterr().out
    line = json.loads(text.splitlines()[-1])
    assert (line["status"], line["code"], line["client_faults"]) == (422, "invalid_request", 1)
    assert "s3cret" not in text + answer["body"]


def test_a_defect_is_named_by_type_and_place_only(
    handle: Any, event: Any, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aws_lambda_scorer import handler

    served = handler.PIPELINE.current()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("s3cret")

    for name in ("row", "predict", "scores"):
        monkeypatch.setattr(served.scorer.engine, name, broken)
    for given in (event("rest_api"), json.loads(event("rest_api")["body"])):
        answer = handle(given, None)
        text = capfd.readouterr().out
        assert "s3cret" not in text + json.dumps(answer)
        assert "Traceback" not in text
        assert "RuntimeError" in text
        assert json.loads(text.splitlines()[-1])["server_faults"] == 1


def test_odd_methods_and_ids_do_not_break_the_line(handle: Any, event: Any, capfd: Any) -> None:
    capfd.readouterr()
    handle(
        event(
            "rest_api",
            httpMethod='GE"T',
            path='/a"b\n',
            headers={"x-request-id": 'a"\n'},
            multiValueHeaders=None,
        ),
        None,
    )
    (line,) = lines(capfd)
    assert line["method"] == "?"
    assert line["route"] == "none"
