"""Messages of SQS, each for itself, and notifications of S3."""

import json
from typing import Any

import pytest
import scoring
from scoring import contract


def messages(event: Any, bodies: list[str]) -> Any:
    (one,) = event("sqs")["Records"]
    return {"Records": [{**one, "messageId": f"m{place}", "body": text} for place, text in enumerate(bodies)]}


def failed(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_good_messages_are_done_with(handle: Any, event: Any) -> None:
    assert handle(event("sqs"), None) == {"batchItemFailures": []}


def test_only_what_failed_comes_again(handle: Any, event: Any, body: bytes, capfd: Any) -> None:
    good = body.decode()
    bad = json.dumps({**json.loads(body), "rows": [["s3cret"]]})
    answer = handle(messages(event, [good, "not json", bad, good, "[1]", ""]), None)
    assert failed(answer) == ["m1", "m2", "m4", "m5"]
    log = capfd.readouterr().out
    assert "s3cret" not in log
    assert '"rows":2' in log


def test_answers_go_where_messages_say(
    s3: Any, bucket: str, handle: Any, event: Any, body: bytes, template: Any
) -> None:
    request = {**json.loads(body), "output": f"s3://{bucket}/answers/1.json"}
    wrong = {**request, "output": "answers"}
    answer = handle(messages(event, [json.dumps(request), json.dumps(wrong)]), None)
    assert failed(answer) == ["m1"]
    found = s3.get_object(Bucket=bucket, Key="answers/1.json")["Body"].read()
    assert found == contract.answer(scoring.load(template / "example" / "cooler.pipeline"), body)


def test_a_message_may_be_a_batch_order(s3: Any, bucket: str, handle: Any, event: Any, body: bytes) -> None:
    request = json.loads(body)
    csv = ",".join(request["fields"]) + "\n" + (",".join(request["rows"][0]) + "\n") * 7
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=csv.encode())
    order = {"input": f"s3://{bucket}/rows.csv", "output": f"s3://{bucket}/scores.csv"}
    bad = {**order, "input": f"s3://{bucket}/none.csv"}
    assert failed(handle(messages(event, [json.dumps(order), json.dumps(bad)]), None)) == ["m1"]
    assert s3.get_object(Bucket=bucket, Key="scores.csv")["Body"].read().count(b"\n") == 8


def test_without_an_artifact_every_message_comes_again(
    handle: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_URI", "/none.pipeline")
    assert failed(handle(event("sqs"), None)) == ["059f36b4-87a3-44ab-83d2-661975830a7d"]


def test_a_notification_of_s3_scores_the_new_object(
    s3: Any, bucket: str, handle: Any, event: Any, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = json.loads(body)
    csv = ",".join(request["fields"]) + "\n" + ",".join(request["rows"][0]) + "\n"
    s3.create_bucket(Bucket="rows-of-the-rig")
    s3.put_object(Bucket="rows-of-the-rig", Key="in/rows of today.csv", Body=csv.encode())
    assert handle(event("s3_put"), None)["code"] == "settings_invalid"

    from aws_lambda_scorer import handler
    from aws_lambda_scorer.pipeline import Pipeline

    monkeypatch.setenv("SCORER_BATCH_OUTPUT", f"s3://{bucket}/out/")
    handler.PIPELINE = Pipeline()
    answer = handle(event("s3_put"), None)
    assert answer["batches"][0]["output"] == f"s3://{bucket}/out/rows of today.csv"
    assert s3.get_object(Bucket=bucket, Key="out/rows of today.csv")["Body"].read().count(b"\n") == 2


def test_records_of_another_source_are_a_problem(handle: Any) -> None:
    assert handle({"Records": [{"eventSource": "aws:dynamodb"}]}, None)["code"] == "unknown_event"
