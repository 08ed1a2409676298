"""The handler: what Lambda calls. Importing it loads the artifact, so that no request waits for that."""

import json
import os
from time import perf_counter
from typing import Any

from scoring import contract
from scoring.fault import refusal
from scoring.problem import Problem

from aws_lambda_scorer import routes
from aws_lambda_scorer.call import Answer, Call
from aws_lambda_scorer.clock import engine_clock
from aws_lambda_scorer.event import call_of, is_http, shaped
from aws_lambda_scorer.log import Line, Log, request_id
from aws_lambda_scorer.pipeline import Pipeline
from aws_lambda_scorer.settings import namespace

PIPELINE = Pipeline()
LOG = Log(namespace(os.environ))
_cold = True

try:
    PIPELINE.current()
except Problem as _problem:  # every request says so until it goes well
    LOG.event("pipeline_refused", code=_problem.code, detail=str(_problem))


def handle(event: Any, context: Any) -> Any:
    """Answer one event of any of the shapes; never raises."""
    global _cold
    begun = perf_counter()
    line = Line(cold=_cold, id=request_id(None, context))
    _cold = False
    engine_clock.seconds = 0.0
    try:
        if isinstance(event, dict) and is_http(event):
            return _http(event, context, line)
        return _invoked(event, context, line)
    finally:
        line.digest = PIPELINE.digest
        line.seconds, line.engine_seconds = perf_counter() - begun, engine_clock.seconds
        LOG.request(line)


def _http(event: dict[str, Any], context: Any, line: Line) -> dict[str, Any]:
    line.kind = "http"
    call = Call("GET", "/", {}, {}, b"")
    try:
        call = call_of(event)
        line.id = request_id(call.headers.get("x-request-id"), context)
        found = routes.answer(call, PIPELINE)
    except Problem as problem:
        found = _refused(call, problem, line)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the caller hears of it
        LOG.failure(line.id, error)
        found = routes.refused(call, PIPELINE, refusal("internal_error"))
    found.headers["x-request-id"] = line.id
    try:
        shape = shaped(found, call, event)
    except Problem as problem:
        found = routes.refused(call, PIPELINE, problem)
        found.headers["x-request-id"] = line.id
        shape = shaped(found, call, event)
    line.method, line.route, line.code = call.method, call.route, call.code
    line.status, line.rows = found.status, call.rows
    return shape


def _refused(call: Call, problem: Problem, line: Line) -> Answer:
    if problem.status == 500 and problem.__cause__ is not None:
        LOG.failure(line.id, problem)
    return routes.refused(call, PIPELINE, problem)


def _invoked(event: Any, context: Any, line: Line) -> Any:
    """Answer what is not HTTP: a problem is answered as data, with its status."""
    try:
        if not isinstance(event, dict):
            raise _unknown()
        records = event.get("Records")
        if isinstance(records, list) and records and isinstance(records[0], dict):
            from aws_lambda_scorer import records as recorded

            return recorded.answer(records, PIPELINE, context, line, LOG)
        if "input" in event or ("output" in event and "arguments" not in event and "fields" not in event):
            from aws_lambda_scorer import batch

            line.kind = "batch"
            return batch.answer(event, PIPELINE.current(), context, line)
        return _direct(event, line)
    except Problem as problem:
        if problem.status == 500 and problem.__cause__ is not None:
            LOG.failure(line.id, problem)
        line.status, line.code = problem.status, problem.code
        return {"status": problem.status, **problem.to_dict()}
    except Exception as error:  # noqa: BLE001 -- whatever it is, the caller hears of it
        LOG.failure(line.id, error)
        defect = refusal("internal_error")
        line.status, line.code = defect.status, defect.code
        return {"status": defect.status, **defect.to_dict()}


def _direct(event: dict[str, Any], line: Line) -> Any:
    """Answer a request of the contract, or of a data warehouse, that came as the event itself."""
    if "fields" in event or "rows" in event:
        line.kind = "direct"
        served = PIPELINE.current()
        body = json.dumps(event, separators=(",", ":")).encode()
        reply = contract.reply(served.scorer, body, served.settings.contract)
        line.rows = reply.rows
        return json.loads(reply.body)
    from scoring.warehouse import refused, replied, warehouse

    kind = warehouse(event)
    if kind is None:
        raise _unknown()
    line.kind = "warehouse"
    try:
        served = PIPELINE.current()
        found = replied(served.scorer, event, served.settings.contract)
        line.rows = len(event.get("arguments") or event.get("calls") or event.get("data") or ())
    except Problem as problem:
        if problem.status == 500 and problem.__cause__ is not None:
            LOG.failure(line.id, problem)
        line.status, line.code = problem.status, problem.code
        return refused(kind, problem)[1]
    return found


def _unknown() -> Problem:
    hint = (
        'Send {"fields": [...], "rows": [...]}, or {"input": "s3://...", "output": "s3://..."}; or let API '
        "Gateway, a function URL, a load balancer, SQS, S3 or a data warehouse call the function."
    )
    return Problem("unknown_event", 400, "The function does not know this kind of event.", hint)
