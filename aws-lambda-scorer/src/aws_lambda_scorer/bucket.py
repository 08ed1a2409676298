"""Buckets: an object of S3, fetched with as little code as a cold start should pay for.

Measured with a 45 KB object, import and request together, in a fresh process: boto3 300 to 330 ms, botocore
alone 230 to 270, botocore's signer with the standard library's HTTP client 105 to 150, and 36 to 47 with a
signature of the standard library's HMAC. The last one is half of the whole cold start, so it is what is done
here for one GET; the tests hold the signature against botocore's. Batches, which have the time, use botocore.
"""

import hashlib
import hmac
import http.client
import os
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from scoring.problem import Problem

_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_ATTEMPTS: Final = 5
_PAUSE: Final = 0.1
"""Seconds before the second attempt; each further pause is twice as long."""
_PATIENCE: Final = 5.0
_AGAIN: Final = (429, 500, 502, 503, 504)


def place(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an `s3://bucket/key`; raises ValueError if it is none."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise ValueError(uri)
    return bucket, key


def fetch(uri: str, most: int) -> bytes:
    """Return the content of an object of at most `most` bytes.

    Raises:
        Problem: `artifact_missing`, `artifact_denied` or `artifact_unreachable`, all of status 503.
    """
    try:
        bucket, key = place(uri)
    except ValueError:
        raise unreachable(uri, "it is no s3://bucket/key") from None
    region = _region()
    url = _url(bucket, key, region)
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE * 2 ** (attempt - 1))
        try:
            status, body = _get(url, _signed(url, region), most)
        except (OSError, http.client.HTTPException) as error:
            reason = f"the connection failed ({type(error).__name__})"
            continue
        if status == 200:
            return body
        if status == 404:
            raise _missing(uri)
        if status in (401, 403):
            raise _denied(uri)
        reason = f"S3 answered {status}"
        if status not in _AGAIN:
            break
    raise unreachable(uri, reason)


def client(service: str = "s3") -> Any:
    """Return botocore's client, which honours all of AWS's settings. Takes a quarter of a second to make."""
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.session import get_session  # type: ignore[import-untyped]

    config = Config(retries={"max_attempts": 5, "mode": "standard"}, connect_timeout=5, read_timeout=60)
    return get_session().create_client(service, region_name=_region(), config=config)


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _url(bucket: str, key: str, region: str) -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}/{quote(key)}"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if "." in bucket:  # its name would not fit the certificate
        return f"https://s3.{region}.{suffix}/{bucket}/{quote(key)}"
    return f"https://{bucket}.s3.{region}.{suffix}/{quote(key)}"


def _get(url: str, headers: Mapping[str, str], most: int) -> tuple[int, bytes]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_PATIENCE)
    try:
        connection.request("GET", parts.path, headers=dict(headers))
        answer = connection.getresponse()
        if answer.status != 200:
            return answer.status, b""
        body = answer.read(most + 1)
        if answer.length and len(body) <= most:
            raise http.client.IncompleteRead(body, answer.length)
        return 200, body
    finally:
        connection.close()


def _signed(url: str, region: str, now: float | None = None) -> dict[str, str]:
    """Return the headers of a GET, signed as AWS's Signature Version 4 has it."""
    key, secret, token = _credentials()
    parts = urlsplit(url)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    headers = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(headers)  # in alphabetical order, as they were put in
    lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
    request = f"GET\n{parts.path}\n\n{lines}\n{names}\n{_EMPTY}"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    derived = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        derived = hmac.digest(derived, part.encode(), "sha256")
    credential = f"AWS4-HMAC-SHA256 Credential={key}/{scope}"
    headers["authorization"] = f"{credential}, SignedHeaders={names}, Signature={derived.hex()}"
    return headers


def _credentials() -> tuple[str, str, str | None]:
    """Return key, secret and token of the function's role: from the environment, or from its endpoint."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return key, secret, os.environ.get("AWS_SESSION_TOKEN")
    # With SnapStart credentials come from an endpoint, for a snapshot must not hold them.
    from botocore.session import get_session

    found = get_session().get_credentials()
    if found is None:
        hint = "Give the function a role; the recipe does."
        raise Problem("artifact_denied", 503, "The function has no credentials.", hint)
    frozen = found.get_frozen_credentials()
    return frozen.access_key, frozen.secret_key, frozen.token


def _missing(uri: str) -> Problem:
    hint = "Apply the recipe again, which uploads the artifact."
    return Problem("artifact_missing", 503, f"There is no object {uri}.", hint)


def _denied(uri: str) -> Problem:
    hint = "Allow the function's role s3:GetObject on this object, and kms:Decrypt for the key if it has one."
    return Problem("artifact_denied", 503, f"S3 does not let the function read {uri}.", hint)


def unreachable(uri: str, reason: str) -> Problem:
    """Return the problem of an object that cannot be fetched now."""
    hint = "The next request tries again; look at S3's state, and at the function's network."
    return Problem("artifact_unreachable", 503, f"The artifact {uri} cannot be fetched: {reason}.", hint)
