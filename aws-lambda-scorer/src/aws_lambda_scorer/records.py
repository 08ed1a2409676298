"""Records: messages of an SQS queue, and notifications of S3, each answered for itself.

The body of a message is a score request, which may name an object for its answer (`"output": "s3://..."`), or
a batch order (see `aws_lambda_scorer.batch`). Messages that fail are named in `batchItemFailures`, so that
SQS delivers them again, and at last to the dead letter queue, while the others are done with.
"""

import json
from typing import Any
from urllib.parse import unquote_plus

from scoring import contract
from scoring.body import decode
from scoring.fault import refusal
from scoring.problem import Problem

from aws_lambda_scorer import batch
from aws_lambda_scorer.log import Line, Log
from aws_lambda_scorer.pipeline import Pipeline, Served


def answer(
    records: list[dict[str, Any]], pipeline: Pipeline, context: Any, line: Line, log: Log
) -> dict[str, Any]:
    """Answer the records of an event; raises Problem if they are of neither kind."""
    source = str(records[0].get("eventSource", ""))
    if source == "aws:sqs":
        line.kind = "queue"
        return _queue(records, pipeline, context, line, log)
    if source == "aws:s3":
        line.kind = "batch"
        return _notified(records, pipeline.current(), context, line)
    hint = "Let SQS or S3 call the function."
    raise Problem("unknown_event", 400, "The function does not know the source of these records.", hint)


def _queue(
    records: list[dict[str, Any]], pipeline: Pipeline, context: Any, line: Line, log: Log
) -> dict[str, Any]:
    failures, rows = [], 0
    for record in records:
        identifier = str(record.get("messageId", ""))
        one = Line()
        try:
            _message(str(record.get("body", "")), pipeline.current(), context, one)
            rows += one.rows
        except Problem as problem:
            line.status, line.code = problem.status, problem.code
            failures.append({"itemIdentifier": identifier})
            if problem.status == 500 and problem.__cause__ is not None:
                log.failure(line.id, problem)
            log.event(
                "message_refused", id=line.id, message=identifier, code=problem.code, detail=problem.detail
            )
        except Exception as error:  # noqa: BLE001 -- one message is no reason to fail the others
            line.status, line.code = 500, "internal_error"
            failures.append({"itemIdentifier": identifier})
            log.failure(line.id, error)
    line.rows = rows
    return {"batchItemFailures": failures}


def _message(text: str, served: Served, context: Any, line: Line) -> None:
    body = text.encode("utf-8", "surrogatepass")
    request = decode(body)
    if not isinstance(request, dict):
        raise refusal(
            "invalid_request", "The message is no object.", "Send a score request or a batch order."
        )
    if "input" in request:
        batch.answer(dict(request), served, context, line)
        return
    output = request.get("output")
    if output is not None:
        body = json.dumps({name: value for name, value in request.items() if name != "output"}).encode()
    reply = contract.reply(served.scorer, body, served.settings.contract)
    line.rows = reply.rows
    if output is not None:
        batch.put(str(output), reply.body)


def _notified(records: list[dict[str, Any]], served: Served, context: Any, line: Line) -> dict[str, Any]:
    prefix = served.settings.batch_output.rstrip("/")
    if not prefix:
        hint = "Set SCORER_BATCH_OUTPUT to s3://bucket/prefix; not where the notifications come from."
        raise Problem(
            "settings_invalid", 503, "SCORER_BATCH_OUTPUT does not say where scores of new objects go.", hint
        )
    done, rows = [], 0
    for record in records:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        order = {"input": f"s3://{bucket}/{key}", "output": f"{prefix}/{key.rpartition('/')[2]}"}
        done.append(batch.answer(order, served, context, line))
        rows += line.rows
    line.rows = rows
    return {"batches": done}
