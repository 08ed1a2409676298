"""Routes: a method and a path -> the answer of the HTTP contract, as the REST server gives it."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from scoring import contract
from scoring.body import too_large
from scoring.fault import refusal
from scoring.problem import Problem

from aws_lambda_scorer.call import JSON, Answer, Call
from aws_lambda_scorer.event import BATCH_HINT
from aws_lambda_scorer.pipeline import Pipeline, Served
from aws_lambda_scorer.settings import PAYLOAD

Handler = Callable[[Call, Served], Answer]

_CLOSE: Final = 0.5
"""How alike a path must be to be offered to a caller who missed it."""
_PLAIN: Final = frozenset({None, JSON, "*/*", "application/json, */*", "application/json, text/plain, */*"})
_JSON: Final = frozenset({None, JSON, "application/json; charset=utf-8"})


def answer(call: Call, pipeline: Pipeline) -> Answer:
    """Answer a call; raises Problem, of which `refused` makes an answer."""
    path = _route(call)
    methods = _TABLE.get(path, {})
    handler = methods.get("GET" if call.method == "HEAD" else call.method)
    if handler is not None:
        call.route = path
    if handler is livez:
        headers = pipeline.current().headers if pipeline.ready else {}
        return Answer(200, JSON, b'{"status":"alive"}', dict(headers))
    served = pipeline.current()
    if handler is None:
        raise _nowhere(path, methods)
    found = handler(call, served)
    found.headers = {**served.headers, **found.headers}
    return found


def refused(call: Call, pipeline: Pipeline, problem: Problem) -> Answer:
    """Return the answer that tells a caller of a problem."""
    status, body = contract.problem_body(problem)
    headers = dict(pipeline.current().headers) if pipeline.ready else {}
    if status == 405:
        headers["allow"] = ", ".join(_allowed(_TABLE.get(_route(call), {})))
    elif status in (429, 503):
        headers["retry-after"] = "1"
    call.code = problem.code
    return Answer(status, JSON, body, headers)


def score(call: Call, served: Served) -> Answer:
    """Answer POST /model/score."""
    return _scored(call, served, contributions=False)


def contribution(call: Call, served: Served) -> Answer:
    """Answer POST /model/contribution."""
    return _scored(call, served, contributions=True)


def json_answer(call: Call, served: Served, body: bytes, contributions: bool) -> Answer:
    """Answer a body that is JSON with JSON: a request of the contract, or of a data warehouse."""
    if b'"fields"' not in body and not contributions and (told := _warehouse(call, served, body)) is not None:
        return told
    ask = contract.contribution_reply if contributions else contract.reply
    reply = ask(served.scorer, body, served.settings.contract)
    call.rows = reply.rows
    return Answer(200, JSON, reply.body)


def _scored(call: Call, served: Served, contributions: bool) -> Answer:
    headers, size = call.headers, len(call.body)
    if size > served.settings.body_bytes:
        raise too_large(served.settings.body_bytes)
    if size > PAYLOAD:
        raise refusal("body_too_large", f"The body has more than {PAYLOAD} bytes.", BATCH_HINT)
    if (
        headers.get("content-type") in _JSON
        and headers.get("accept") in _PLAIN
        and "content-encoding" not in headers
    ):
        if call.query:
            _no_options(call, served)
        return json_answer(call, served, call.body, contributions)
    from aws_lambda_scorer import formats

    return formats.answer(call, served, contributions)


def _no_options(call: Call, served: Served) -> None:
    from scoring.options import none

    none(call.query, served.settings.contract.lenient)


def _warehouse(call: Call, served: Served, body: bytes) -> Answer | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None  # what is wrong with it is the contract's to say
    from scoring.warehouse import refused as told
    from scoring.warehouse import replied, warehouse

    kind = warehouse(document)
    if kind is None:
        return None
    try:
        found, status = replied(served.scorer, document, served.settings.contract, call.headers), 200
        call.rows = len(document.get("calls") or document.get("data") or document.get("arguments") or ())
    except Problem as problem:
        call.code = problem.code
        status, found = told(kind, problem)
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, JSON, text.encode("utf-8", "backslashreplace"))


def livez(_call: Call, _served: Served) -> Answer:
    """Answer GET /livez, which needs no artifact."""
    raise AssertionError("answered before an artifact is wanted")


def _readyz(_call: Call, _served: Served) -> Answer:
    return Answer(200, JSON, b'{"status":"ready"}')


def _file(_call: Call, _served: Served) -> Answer:
    hint = "Send the rows to POST /model/score, or invoke the function with a batch."
    raise refusal("not_found", "This server reads no files.", hint)


def _media_score(_call: Call, _served: Served) -> Answer:
    raise refusal("unsupported", "Scoring of files is not supported.", "Send values to /model/score.")


def _id(_call: Call, served: Served) -> Answer:
    return Answer(200, "text/plain; charset=utf-8", served.scorer.id.encode())


def _schema(_call: Call, served: Served) -> Answer:
    return Answer(200, JSON, contract.schema(served.scorer, served.settings.contract))


def _sample(_call: Call, served: Served) -> Answer:
    return Answer(200, JSON, contract.sample_request(served.scorer))


def _sample_contribution(_call: Call, served: Served) -> Answer:
    return Answer(200, JSON, contract.sample_contribution_request(served.scorer, served.settings.contract))


def _capabilities(_call: Call, served: Served) -> Answer:
    return Answer(200, JSON, contract.capabilities(served.scorer, served.settings.contract))


def _openapi(_call: Call, _served: Served) -> Answer:
    body = _definition()
    if body is None:
        hint = "Pack the function again; the definition lies beside its code."
        raise refusal("not_found", "This function was packed without the definition of its routes.", hint)
    return Answer(200, JSON, body, {"x-content-type-options": "nosniff", "cache-control": "no-cache"})


@cache
def _definition() -> bytes | None:
    try:
        return Path(__file__).with_name("openapi.json").read_bytes()
    except OSError:
        return None


_TABLE: Final[dict[str, dict[str, Handler]]] = {
    "/model/score": {"POST": score, "GET": _file},
    "/model/contribution": {"POST": contribution},
    "/model/media-score": {"POST": _media_score},
    "/model/id": {"GET": _id},
    "/model/schema": {"GET": _schema},
    "/model/sample_request": {"GET": _sample},
    "/model/sample_contribution_request": {"GET": _sample_contribution},
    "/model/capabilities": {"GET": _capabilities},
    "/livez": {"GET": livez},
    "/readyz": {"GET": _readyz},
    "/openapi.json": {"GET": _openapi},
}


def _route(call: Call) -> str:
    """Return the path as the table has it: without the stage, a domain's base path, or a slash at the end."""
    path = call.path
    if path in _TABLE:
        return path
    path = path.rstrip("/") or "/"
    if path in _TABLE:
        return path
    for prefix in call.prefixes:
        if path.startswith(f"{prefix}/"):
            path = path[len(prefix) :]
            break
    proxy = f"/{call.proxy.strip('/')}"
    return proxy if path not in _TABLE and proxy in _TABLE else path


def _allowed(methods: dict[str, Handler]) -> list[str]:
    return sorted({*methods, *(("HEAD",) if "GET" in methods else ())})


def _nowhere(path: str, methods: dict[str, Handler]) -> Problem:
    if methods:
        wanted = " or ".join(_allowed(methods))
        return refusal("method_not_allowed", f"The route {path} answers {wanted}.", f"Send {wanted}.")
    from difflib import get_close_matches  # here, for few callers need it

    near = get_close_matches(path, list(_TABLE), 1, _CLOSE)
    hint = f"Did you mean {near[0]}?" if near else "GET /openapi.json lists the routes."
    return refusal("not_found", "There is no such route.", hint)
