"""Invocations: a body in any of the forms that SageMaker's clients send -> the handler's answer.

The contract's own bodies are left to the server, so they get the very bytes of /model/score. What is handled
here before: CSV without a header, which the answer then has none of either, and the documents of
`aws_sagemaker_scorer.instances`.
"""

import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from scoring import media
from scoring.body import too_large
from scoring.inflate import is_packed
from scoring.media import Media
from server import score
from server.call import Answer, Body, Call
from server.formats import gzip
from server.route import Handler

from aws_sagemaker_scorer import instances

HEADERS: Final = ("auto", "present", "absent")

_ATTRIBUTES: Final = b"x-amzn-sagemaker-custom-attributes"
"""The one header of an answer that SageMaker hands to the client."""
_LINES: Final = "application/jsonlines"
"""What SageMaker calls the format that the server calls NDJSON."""


def invoker(header: str) -> Handler:
    """Return the handler of invocations; `header` says whether CSV has one: auto, present or absent."""

    async def invoke(call: Call) -> Answer:
        named = call.headers.get(_ATTRIBUTES)
        answer = await _answer(call, header)
        attributes = f"pipeline-digest={call.scorer.digest}".encode()
        if named is not None and b"\n" not in named and len(named) + len(attributes) < 1024:
            attributes = named + b"," + attributes
        if answer.content_type == Media.NDJSON and _speaks_lines(call.headers):
            answer.content_type = _LINES
        answer.headers = (*answer.headers, (_ATTRIBUTES, attributes))
        return answer

    return invoke


async def _answer(call: Call, header: str) -> Answer:
    came, words = _without_parameters(call.headers.get(b"content-type"))
    format_ = media.sent(came)
    header = {"header=present": "present", "header=absent": "absent"}.get(words, header)
    if format_ is Media.ARROW or (format_ is Media.CSV and header == "present"):
        return await _scored(call, replace(call, headers=dict(call.headers) | {b"content-type": came}))
    body = await _read(call)
    headers = {name: value for name, value in call.headers.items() if name != b"content-encoding"}
    if format_ is Media.CSV:
        return await _csv(call, headers | {b"content-type": came}, body, header)
    if (rows := instances.rows(body, format_, call.scorer.scorer)) is not None:
        return await instances.answer(call, rows, format_)
    return await _scored(call, replace(call, headers=headers, body=_again(body, call.body.limit)))


def _without_parameters(content_type: bytes | None) -> tuple[bytes, str]:
    """Return a Content-Type without what says how CSV begins, and that."""
    essence, *parameters = (part.strip() for part in (content_type or b"application/json").split(b";"))
    about = [part for part in parameters if part.lower().startswith(b"header=")]
    kept = b"; ".join([essence, *(part for part in parameters if part not in about)])
    return kept, about[0].decode("latin-1").lower() if about else ""


async def _read(call: Call) -> bytes:
    """Return the whole body, unpacked if it came packed; raises Problem `body_too_large`."""
    encoding = call.headers.get(b"content-encoding")
    limit = call.scorer.settings.limits.body_bytes
    if not is_packed(None if encoding is None else encoding.decode("latin-1")):
        return await call.read()
    found = b"".join([piece async for piece in gzip.unpacked(call.body, limit)])
    if len(found) > limit:
        raise too_large(limit)
    return found


def _again(body: bytes, limit: int) -> Body:
    """Return a body that was read already as one to read."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Mapping[str, Any]:
        return next(messages)

    return Body(receive, max(limit, len(body)), remote=False)


async def _scored(call: Call, given: Call) -> Answer:
    """Answer `given` as the server's own route does, and note in `call` what that took."""
    try:
        return await score.score(given)
    finally:
        call.rows, call.engine_seconds, call.admitted = given.rows, given.engine_seconds, given.admitted


async def _csv(call: Call, headers: Mapping[bytes, bytes], body: bytes, header: str) -> Answer:
    names = call.scorer.scorer.schema.names
    bare = header == "absent" or (header == "auto" and not _names_columns(body, names))
    if bare:
        first = ",".join('"' + name.replace('"', '""') + '"' for name in names)
        body = first.encode() + b"\n" + body.removeprefix(b"\xef\xbb\xbf")
    answer = await _scored(call, replace(call, headers=headers, body=_again(body, call.body.limit)))
    if bare and answer.content_type == Media.CSV:
        answer.body = _beheaded(answer.body)
    return answer


def _names_columns(body: bytes, names: Sequence[str]) -> bool:
    """Whether the first line of CSV is a header: at least half of its cells are names of inputs."""
    line = body.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
    cells = next(csv.reader([line.decode("utf-8", "replace")]), [])
    return 2 * len(set(cells) & set(names)) >= len(cells)


def _beheaded(body: bytes | AsyncIterator[bytes]) -> bytes | AsyncIterator[bytes]:
    """Return CSV without its first line, which holds names of outputs: none of them has a line end."""
    if isinstance(body, bytes):
        return body.partition(b"\n")[2]
    return _rest(body)


async def _rest(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    first = True
    async for piece in pieces:
        if not first:
            yield piece
        elif b"\n" in piece:
            first = False
            yield piece.partition(b"\n")[2]


def _speaks_lines(headers: Mapping[bytes, bytes]) -> bool:
    asked = headers.get(b"accept") or b"*/*"
    came = headers.get(b"content-type", b"")
    return _LINES.encode() in asked.lower() or (asked.strip() == b"*/*" and _LINES.encode() in came.lower())
