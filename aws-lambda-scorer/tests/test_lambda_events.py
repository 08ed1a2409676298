"""Every shape of event that brings HTTP, as AWS sends it, and the shape of answer that it wants."""

import gzip
import json
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import scoring
from scoring import contract

SHAPES = ["rest_api", "http_api", "function_url", "load_balancer", "load_balancer_multi"]


def expected(template: Any, body: bytes) -> str:
    return contract.answer(scoring.load(template / "example" / "cooler.pipeline"), body).decode()


@pytest.mark.parametrize("name", SHAPES)
def test_a_recorded_event_is_scored(
    name: str, handle: Any, event: Any, context: Any, body: bytes, template: Any
) -> None:
    answer = handle(event(name), context)

    assert answer["statusCode"] == 200
    assert answer["body"] == expected(template, body)
    assert answer["isBase64Encoded"] is False
    json.dumps(answer)  # as the runtime does
    headers = answer.get("headers") or {key: values[0] for key, values in answer["multiValueHeaders"].items()}
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == context.aws_request_id
    assert ("multiValueHeaders" in answer) == (name == "load_balancer_multi")
    if name.startswith("load_balancer"):
        assert answer["statusDescription"] == "200 OK"


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_body_in_base64_is_scored_also_packed(
    name: str, packed: bool, handle: Any, event: Any, body: bytes, template: Any
) -> None:
    given = event(
        name, body=b64encode(gzip.compress(body) if packed else body).decode(), isBase64Encoded=True
    )
    if packed and "headers" in given:
        given["headers"] = {**given["headers"], "Content-Encoding": "gzip"}
    if packed and given.get("multiValueHeaders"):
        given["multiValueHeaders"] = {**given["multiValueHeaders"], "Content-Encoding": ["gzip"]}

    answer = handle(given, None)

    assert (answer["statusCode"], answer["body"]) == (200, expected(template, body))


@pytest.mark.parametrize(("name", "changed"), [
    ("rest_api", {"path": "/model/score/"}),
    ("rest_api", {"path": "/live/model/score"}),
    ("rest_api", {"path": "/cooling/v1/model/score"}),  # a base path of a domain of one's own
    ("http_api", {"rawPath": "/live/model/score/"}),
    ("http_api", {"rawPath": "/model/score"}),
    ("load_balancer", {"path": "/model%2Fscore/"}),
])  # fmt: skip
def test_stages_base_paths_and_slashes_do_not_matter(
    name: str, changed: Any, handle: Any, event: Any
) -> None:
    assert handle(event(name, **changed), None)["statusCode"] == 200


def test_a_path_that_only_begins_like_a_stage_is_none(handle: Any, event: Any) -> None:
    answer = handle(event("http_api", rawPath="/livemodel/score"), None)
    assert answer["statusCode"] == 404


@pytest.mark.parametrize("name", ["http_api", "function_url", "load_balancer", "load_balancer_multi"])
def test_query_options_arrive_decoded(name: str, handle: Any, event: Any, body: bytes) -> None:
    request = json.loads(body)
    csv = ",".join(request["fields"]) + "\n" + ",".join(request["rows"][0]) + "\n"
    given = event(name, body=csv, isBase64Encoded=False, rawQueryString="include=vs_vib%2Cpsa_bar")
    given["queryStringParameters"] = {"include": "vs_vib%2Cpsa_bar"}  # a load balancer does not decode
    given["multiValueQueryStringParameters"] = {"include": ["vs_vib%2Cpsa_bar"]}
    if "headers" in given:
        given["headers"] = {**given["headers"], "content-type": "text/csv"}
    if given.get("multiValueHeaders"):
        given["multiValueHeaders"] = {**given["multiValueHeaders"], "content-type": ["text/csv"]}

    answer = handle(given, None)

    assert answer["statusCode"] == 200, answer["body"]
    assert answer["body"].startswith("psa_bar,vs_vib,cool_cond_y.3")


def test_a_large_answer_is_packed_for_who_takes_it(handle: Any, event: Any, body: bytes) -> None:
    request = json.loads(body)
    many = json.dumps({**request, "rows": request["rows"] * 2000})
    headers = {"content-type": "application/json", "accept-encoding": "br, gzip;q=0.5"}

    plain = handle(event("function_url", body=many, isBase64Encoded=False, headers={}), None)
    packed = handle(event("function_url", body=many, isBase64Encoded=False, headers=headers), None)
    rest = handle(event("rest_api", body=many, headers=headers, multiValueHeaders=None), None)

    assert not plain["isBase64Encoded"]
    assert packed["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(b64decode(packed["body"])).decode() == plain["body"]
    assert not rest["isBase64Encoded"]  # this API did not show that it unpacks base64


def test_a_refused_or_absent_packing_is_respected(handle: Any, event: Any, body: bytes) -> None:
    request = json.loads(body)
    many = json.dumps({**request, "rows": request["rows"] * 2000})
    for accepted in ("gzip;q=0", "identity", "br"):
        given = event("function_url", body=many, isBase64Encoded=False, headers={"accept-encoding": accepted})
        assert not handle(given, None)["isBase64Encoded"]


def test_more_than_lambda_passes_is_refused_with_the_way_out(handle: Any, event: Any, body: bytes) -> None:
    request = json.loads(body)
    large = handle(event("rest_api", body=" " * (6 * 1024 * 1024 + 1)), None)
    request |= {"rows": request["rows"] * 26_000, "includeFieldsInOutput": request["fields"]}
    answer = handle(event("rest_api", body=json.dumps(request)), None)

    assert large["statusCode"] == answer["statusCode"] == 413
    assert json.loads(answer["body"])["code"] == "answer_too_large"
    for found in (large, answer):
        assert "s3://" in json.loads(found["body"])["hint"]


def test_what_unpacks_to_too_much_is_refused(handle: Any, event: Any) -> None:
    bomb = b64encode(gzip.compress(b" " * (33 * 1024 * 1024))).decode()
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = handle(event("function_url", body=bomb, headers=headers), None)
    assert answer["statusCode"] == 413


def test_a_body_that_is_not_base64_is_a_problem(handle: Any, event: Any) -> None:
    answer = handle(event("function_url", body="***"), None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "malformed_body"


def test_a_direct_request_is_answered_as_data(handle: Any, body: bytes, template: Any) -> None:
    assert handle(json.loads(body), None) == json.loads(expected(template, body))


def test_a_direct_request_that_is_wrong_is_a_problem_as_data(handle: Any, body: bytes) -> None:
    answer = handle({**json.loads(body), "rows": [["x"]]}, None)
    assert answer["status"] == 422
    assert answer["code"] == "invalid_request"


@pytest.mark.parametrize("odd", [
    {}, {"a": 1}, [], [1], "text", 3, None, {"Records": []}, {"Records": [{}]},
    {"requestContext": {}}, {"requestContext": 3, "httpMethod": "GET"},
])  # fmt: skip
def test_an_event_of_no_known_kind_is_a_clear_problem(odd: Any, handle: Any) -> None:
    answer = handle(odd, None)
    assert answer["code"] == "unknown_event"
    assert answer["hint"]


@pytest.mark.parametrize("odd", [
    {"httpMethod": 3, "requestContext": {}}, {"httpMethod": "GET", "requestContext": {}, "headers": 3},
    {"requestContext": {"http": {}}},
    {"httpMethod": "POST", "requestContext": {}, "path": "/model/score", "body": {}},
])  # fmt: skip
def test_an_event_that_is_broken_is_no_crash(odd: Any, handle: Any) -> None:
    answer = handle(odd, None)
    assert answer["statusCode"] in (400, 404, 500)
    assert "Traceback" not in answer["body"]


def test_two_hundred_invocations_at_once_give_the_right_answers(
    handle: Any, event: Any, body: bytes, template: Any
) -> None:
    request = json.loads(body)
    scorer = scoring.load(template / "example" / "cooler.pipeline")
    bodies = []
    for place in range(200):
        row = [str(float(cell) * (1 + place / 1000)) for cell in request["rows"][0]]
        bodies.append(json.dumps({"fields": request["fields"], "rows": [row]}))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda one: handle(event("rest_api", body=one), None), bodies))

    for one, answer in zip(bodies, answers, strict=True):
        assert answer["body"] == contract.answer(scorer, one.encode()).decode()
