"""Events: what API Gateway, function URLs and load balancers hand to a function, and what they want back."""

from typing import Any, Final

from scoring.fault import refusal
from scoring.problem import Problem

from aws_lambda_scorer.call import Answer, Call
from aws_lambda_scorer.settings import PAYLOAD

_PACKED_FROM: Final = 16 * 1024
"""Bytes of an answer from which on packing it is worth the time."""
_ROOM: Final = PAYLOAD - 64 * 1024
"""Bytes of an answer that leave room for headers."""
BATCH_HINT: Final = (
    "For more at once, put the rows into S3 and invoke the function with "
    '{"input": "s3://...", "output": "s3://..."}.'
)


def is_http(event: dict[str, Any]) -> bool:
    """Tell whether an event is an HTTP request."""
    context = event.get("requestContext")
    return isinstance(context, dict) and ("httpMethod" in event or "http" in context)


def call_of(event: dict[str, Any]) -> Call:
    """Return the request in an event of any of the shapes; raises Problem when its body cannot be decoded."""
    context = event["requestContext"]
    if "http" in context:
        return _second(event, context)
    return _first(event, context)


def shaped(answer: Answer, call: Call, event: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the event's sender wants it; raises Problem when it is too large."""
    context = event["requestContext"]
    # A REST API unpacks base64 only if it has binary media types; that a body came so shows that it has.
    bytewise = "http" in context or "elb" in context or bool(event.get("isBase64Encoded"))
    headers = {"content-type": answer.content_type, **answer.headers}
    body = b"" if call.method == "HEAD" else answer.body
    encoded = False
    if len(body) >= _PACKED_FROM and bytewise and _takes_gzip(call):
        from gzip import compress

        body, encoded = compress(body, 6, mtime=0), True
        headers["content-encoding"] = "gzip"
        headers["vary"] = "accept-encoding"
    text = ""
    if not encoded:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            encoded = True
    if encoded:
        from base64 import b64encode

        text = b64encode(body).decode()
    if len(text) > _ROOM // 6 and _size(text) > _ROOM:
        raise Problem("answer_too_large", 413, "The answer has more bytes than Lambda passes on.", BATCH_HINT)
    shape: dict[str, Any] = {"statusCode": answer.status, "body": text, "isBase64Encoded": encoded}
    if "elb" in context and "multiValueHeaders" in event:
        shape["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    else:
        shape["headers"] = headers
    if "elb" in context:
        shape["statusDescription"] = f"{answer.status} {_REASONS.get(answer.status, 'Unknown')}"
    return shape


def _first(event: dict[str, Any], context: dict[str, Any]) -> Call:
    """Read version 1.0 of API Gateway's format, and a load balancer's."""
    many = event.get("multiValueHeaders")
    if many:
        headers = {name.lower(): values[-1] for name, values in many.items() if values}
    else:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query: dict[str, list[str]] = {
        name: list(values) for name, values in (event.get("multiValueQueryStringParameters") or {}).items()
    }
    if not query:
        query = {name: [value] for name, value in (event.get("queryStringParameters") or {}).items()}
    path = event.get("path") or "/"
    if "elb" in context:  # a load balancer passes on what the client wrote
        from urllib.parse import unquote, unquote_plus

        path = unquote(path)
        query = {
            unquote_plus(name): [unquote_plus(value) for value in values] for name, values in query.items()
        }
    stage = context.get("stage")
    proxy = (event.get("pathParameters") or {}).get("proxy") or ""
    prefixes = (f"/{stage}",) if stage else ()
    return Call(event["httpMethod"].upper(), path, query, headers, _body(event), prefixes, proxy)


def _second(event: dict[str, Any], context: dict[str, Any]) -> Call:
    """Read version 2.0 of API Gateway's format, which function URLs have too."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    text = event.get("rawQueryString")
    query: dict[str, list[str]] = {}
    if text:
        from urllib.parse import parse_qs

        query = parse_qs(text, keep_blank_values=True)
    path = event.get("rawPath") or context["http"].get("path") or "/"
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    stage = context.get("stage")
    proxy = (event.get("pathParameters") or {}).get("proxy") or ""
    prefixes = (f"/{stage}",) if stage and stage != "$default" else ()
    return Call(context["http"]["method"].upper(), path, query, headers, _body(event), prefixes, proxy)


def _body(event: dict[str, Any]) -> bytes:
    text = event.get("body")
    if not text:
        return b""
    if not event.get("isBase64Encoded"):
        return str(text).encode("utf-8", "surrogatepass")
    import binascii

    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        hint = "Send the body as it is; the gateway encodes what it takes for binary."
        raise refusal("malformed_body", "The body is not base64, though the event says so.", hint) from None


def _takes_gzip(call: Call) -> bool:
    for part in call.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _size(text: str) -> int:
    """Return the bytes of a text within JSON, which is how it goes back to Lambda."""
    import json

    return len(json.dumps(text))


_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
