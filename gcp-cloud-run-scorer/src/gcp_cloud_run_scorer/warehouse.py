"""The route of BigQuery's remote function, and of the other warehouses that call one over HTTP."""

import json
from typing import Any, Final

from scoring.body import decode
from scoring.fault import refusal
from scoring.problem import Problem
from scoring.warehouse import BIGQUERY, SNOWFLAKE, refused, replied, warehouse
from server.call import JSON, Answer, Call, Served
from server.route import Route

_SERVED: Final = (BIGQUERY, SNOWFLAKE)
"""Redshift and Aurora call Lambda functions only."""


def routes() -> tuple[Route, ...]:
    """Return the routes, for `server.settings.Settings.more`."""
    return (Route("POST", "/warehouse/bigquery", answer), Route("POST", "/warehouse/snowflake", answer))


async def answer(call: Call) -> Answer:
    """Answer a batch of rows in the shape of the warehouse that asks, its problems too.

    Raises:
        Problem: the body is not the request of a warehouse, or there is too much to do.
    """
    body = await call.read()
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in call.headers.items()
        if name.startswith(b"sf-external-function-")
    }
    status, document, call.rows = await call.run(_replied, call.scorer, body, headers)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, JSON, text.encode("utf-8", "backslashreplace"))


def _replied(served: Served, body: bytes, headers: dict[str, str]) -> tuple[int, Any, int]:
    """Return the status, the answer and how many rows were scored."""
    document = decode(body)
    kind = warehouse(document)
    if kind not in _SERVED or not isinstance(document, dict):
        detail = "The body is not the request of a warehouse's remote function."
        raise refusal("invalid_request", detail, 'BigQuery sends {"calls": [[...], ...]}.')
    try:
        document = replied(served.scorer, document, served.settings, headers)
    except Problem as problem:
        return (*refused(str(kind), problem), 0)
    return 200, document, len(document["replies" if kind == BIGQUERY else "data"])
