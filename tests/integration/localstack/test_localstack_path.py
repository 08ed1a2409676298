"""One path as clients take it: gateway, key, function, bucket."""

import gzip
import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from scoring import contract
from scoring.problem import Problem

REQUESTS, AT_ONCE = 200, 8


@pytest.mark.parametrize("key", [None, "not-the-key"], ids=["without a key", "with a wrong key"])
def test_the_gateway_refuses(service: Any, key: str | None) -> None:
    got = service.send("POST", "/model/score", service.request, key=key)

    assert got.status == 403
    assert got.json == {"message": "Forbidden"}


def test_scores_are_the_bytes_of_the_local_scorer(service: Any) -> None:
    got = service.score()

    assert got.status == 200, got.body
    assert got.body == service.scorer.score_json(service.request)
    assert got.headers["x-pipeline-digest"] == service.outputs["pipeline_digest"] == service.scorer.digest


def test_the_printed_command_works_when_pasted(service: Any) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    # LocalStack's address instead of the one that AWS would have given
    command = service.outputs["score_command"].replace(service.outputs["url"], service.url)
    leaked = service.outputs["api_key"] in command  # a plain `assert` would print the key
    assert not leaked

    done = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": os.environ["PATH"], "API_KEY": service.outputs["api_key"]},
        capture_output=True,
        check=True,
    )

    sample = contract.sample_request(service.scorer)
    assert done.stdout == service.scorer.score_json(sample)


def test_contributions(service: Any) -> None:
    body = json.dumps({**json.loads(service.request), "requestShapleyValueType": "ORIGINAL"}).encode()

    got = service.send("POST", "/model/contribution", body)

    assert (got.status, got.body) == (200, contract.contribution(service.scorer, body))


def test_what_is_told_about_the_pipeline(service: Any) -> None:
    expected = {
        "id": service.scorer.id.encode(),
        "schema": contract.schema(service.scorer),
        "sample_request": contract.sample_request(service.scorer),
        "capabilities": contract.capabilities(service.scorer),
    }

    got = {name: service.send("GET", f"/model/{name}") for name in expected}

    assert {name: answer.status for name, answer in got.items()} == dict.fromkeys(expected, 200)
    assert {name: answer.body for name, answer in got.items()} == expected


def test_it_says_that_it_is_alive_and_ready(service: Any) -> None:
    assert [service.send("GET", path).status for path in ("/livez", "/readyz")] == [200, 200]


def test_csv_in_and_out(service: Any) -> None:
    document = json.loads(service.request)
    lines = [",".join(document["fields"]), *(",".join(row) for row in document["rows"])]
    headers = {"content-type": "text/csv", "accept": "text/csv"}

    got = service.send("POST", "/model/score", "\n".join(lines).encode(), headers)

    assert got.status == 200, got.body
    head, *rows = got.body.decode().splitlines()
    expected = json.loads(service.scorer.score_json(service.request))
    assert head.split(",") == expected["fields"]
    assert [row.split(",") for row in rows] == expected["score"]


def test_a_packed_body(service: Any) -> None:
    got = service.send("POST", "/model/score", gzip.compress(service.request), {"content-encoding": "gzip"})

    assert (got.status, got.body) == (200, service.scorer.score_json(service.request))


def test_a_request_with_faults_gets_the_problem_of_every_template(service: Any) -> None:
    body = json.dumps({"fields": ["psa_bat"], "rows": [["1.0"]]}).encode()
    with pytest.raises(Problem) as expected:
        service.scorer.score_json(body)

    got = service.score(body)

    assert (got.status, got.body) == contract.problem_body(expected.value)


def test_two_hundred_requests_at_once_each_get_their_own_answer(service: Any) -> None:
    document = json.loads(service.request)
    bodies = []
    for number in range(REQUESTS):
        row = list(document["rows"][number % len(document["rows"])])
        row[0] = repr(100 + number / 7)
        bodies.append(json.dumps({"fields": document["fields"], "rows": [row]}).encode())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(service.score, bodies))

    assert [answer.status for answer in answers] == [200] * REQUESTS
    assert [answer.body for answer in answers] == [service.scorer.score_json(body) for body in bodies]


def test_logs_hold_no_key_and_no_cell(service: Any) -> None:
    cell = "123.456789012"
    document = json.loads(service.request)
    document["rows"][0][0] = cell
    service.score(json.dumps(document).encode())
    logs = service.cloud.client("logs")
    group = f"/aws/lambda/{service.function}"

    events = logs.filter_log_events(logGroupName=group)["events"]
    text = "\n".join(event["message"] for event in events)

    assert '"route"' in text or "REPORT" in text
    log = service.cloud.log.read_text(errors="replace")
    leaked = {
        name: secret in text or secret in log
        for name, secret in (("cell", cell), ("key", service.outputs["api_key"]))
    }
    assert leaked == {"cell": False, "key": False}
