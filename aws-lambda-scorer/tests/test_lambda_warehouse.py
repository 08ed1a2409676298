"""The contracts of the four data warehouses, told apart by the shape of their requests."""

import json
from typing import Any

import pytest
import scoring

NAMES = ["cool_cond_y.3", "cool_cond_y.20", "cool_cond_y.100"]


@pytest.fixture(scope="module")
def scores(template: Any, body: bytes) -> dict[str, float]:
    found = scoring.load(template / "example" / "cooler.pipeline").predict(json.loads(body)["rows"])
    return dict(zip(NAMES, found[0].tolist(), strict=True))


def http(event: Any, document: Any, **headers: str) -> Any:
    given = {"content-type": "application/json", **headers}
    return event("rest_api", headers=given, multiValueHeaders=None, body=json.dumps(document))


def test_redshift(handle: Any, event: Any, scores: Any) -> None:
    answer = handle(event("redshift"), None)
    assert isinstance(answer, str)  # a Lambda UDF answers with the text of JSON
    found = json.loads(answer)
    assert (found["success"], found["num_records"]) == (True, 2)
    assert json.loads(found["results"][0]) == scores
    assert found["results"][1] is None


def test_redshift_one_output_by_the_functions_name(handle: Any, event: Any, scores: Any) -> None:
    for name in ("public.score__100", "public.score__cool_cond_y_100"):
        found = json.loads(handle(event("redshift", external_function=name), None))
        assert found["results"] == [scores["cool_cond_y.100"], None]


def test_redshift_hears_of_a_fault_without_the_cell(handle: Any, event: Any, capfd: Any) -> None:
    row = event("redshift")["arguments"][0]
    answer = handle(event("redshift", arguments=[row, ["s3cret", *row[1:]]]), None)
    found = json.loads(answer)
    assert found["success"] is False
    assert "Row 1" in found["error_msg"]
    assert "s3cret" not in answer + capfd.readouterr().out


def test_redshift_wrong_output_and_wrong_number_of_arguments(handle: Any, event: Any) -> None:
    wrong = json.loads(handle(event("redshift", external_function="f__hot"), None))
    short = json.loads(handle(event("redshift", arguments=[[1, 2]]), None))
    assert NAMES[0] in wrong["error_msg"]
    assert "17 inputs" in short["error_msg"]


def test_aurora(handle: Any, event: Any, scores: Any) -> None:
    assert handle(event("aurora"), None) == {"success": True, "num_records": 2, "results": [scores, scores]}
    one = handle(event("aurora", output="cool_cond_y.20"), None)
    assert one["results"] == [scores["cool_cond_y.20"]] * 2


def test_bigquery(handle: Any, event: Any, scores: Any) -> None:
    call = event("bigquery")
    answer = handle(http(event, call), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"replies": [scores, scores]})

    one = handle(http(event, {**call, "userDefinedContext": {"output": "20"}}), None)
    assert json.loads(one["body"])["replies"] == [scores["cool_cond_y.20"]] * 2


def test_bigquery_gets_its_own_kind_of_error_and_does_not_try_again(handle: Any, event: Any) -> None:
    answer = handle(http(event, event("bigquery", calls=[[1]])), None)
    assert answer["statusCode"] == 400
    assert set(json.loads(answer["body"])) == {"errorMessage"}
    assert len(answer["body"]) < 1024


def test_bigquery_takes_inputs_by_name_as_one_json_value(
    handle: Any, event: Any, body: bytes, scores: Any
) -> None:
    request = json.loads(body)
    row = dict(zip(request["fields"], request["rows"][0], strict=True))
    calls = [[dict(reversed(row.items()))], [json.dumps(row)]]
    answer = handle(http(event, event("bigquery", calls=calls)), None)
    assert json.loads(answer["body"])["replies"] == [scores, scores]


def test_snowflake(handle: Any, event: Any, scores: Any) -> None:
    headers = {
        "sf-external-function-format": "json",
        "sf-external-function-format-version": "1.0",
        "sf-external-function-current-query-id": "01ab-cd",
        "sf-external-function-query-batch-id": "01ab-cd:1:2:3",
        "sf-external-function-name": "SCORE",
    }
    answer = handle(http(event, event("snowflake"), **headers), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"data": [[0, scores], [1, scores]]})

    headers["sf-external-function-name"] = "SCORE__3"
    one = handle(http(event, event("snowflake"), **headers), None)
    assert json.loads(one["body"])["data"][1] == [1, scores["cool_cond_y.3"]]


def test_snowflake_packed(handle: Any, event: Any, scores: Any) -> None:
    import gzip
    from base64 import b64encode

    packed = b64encode(gzip.compress(json.dumps(event("snowflake")).encode())).decode()
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    given = event("rest_api", headers=headers, multiValueHeaders=None, body=packed, isBase64Encoded=True)
    assert json.loads(handle(given, None)["body"])["data"][0] == [0, scores]


def test_nulls_and_empty_calls(handle: Any, event: Any, scores: Any) -> None:
    row = event("aurora")["arguments"][0]
    assert handle(event("aurora", arguments=[]), None)["results"] == []
    assert handle(event("aurora", arguments=[None]), None)["results"] == [None]
    missing = handle(event("aurora", arguments=[[None, *row[1:]]]), None)["results"][0]
    assert set(missing) == set(NAMES)
    assert sum(missing.values()) == pytest.approx(1)
