"""The artifact: from S3 by its digest, from the cache, from a layer; and what S3 may refuse for a while."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_scorer import bucket as buckets
from aws_lambda_scorer import pipeline as pipelines
from scoring.problem import Problem

SCORED = {"PIPELINE_URI": "", "PIPELINE_DIGEST": ""}


@pytest.fixture
def stored(s3: Any, bucket: str, template: Path, handle: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The artifact at its digest in a bucket, which the function is told of."""
    data = (template / "example" / "cooler.pipeline").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    key = f"artifacts/{digest} +é.pipeline"  # a name that has to be quoted right
    s3.put_object(Bucket=bucket, Key=key, Body=data)
    monkeypatch.setenv("PIPELINE_URI", f"s3://{bucket}/{key}")
    monkeypatch.setenv("PIPELINE_DIGEST", digest)
    monkeypatch.setattr(pipelines, "_AGAIN", 0.0)
    monkeypatch.setattr(buckets, "_PAUSE", 0.001)
    return key


def code(answer: Any) -> str:
    found: str = json.loads(answer["body"])["code"]
    return found


def test_it_is_fetched_verified_and_cached(
    stored: str, s3: Any, bucket: str, handle: Any, event: Any, tmp_path: Path
) -> None:
    assert handle(event("rest_api"), None)["statusCode"] == 200
    (cached,) = (tmp_path / "cache").iterdir()
    assert cached.stem == hashlib.sha256(cached.read_bytes()).hexdigest()

    from aws_lambda_scorer import handler
    from aws_lambda_scorer.pipeline import Pipeline

    s3.delete_object(Bucket=bucket, Key=stored)
    handler.PIPELINE = Pipeline()  # a new environment on the same host
    assert handle(event("rest_api"), None)["statusCode"] == 200


def test_a_cache_that_was_touched_is_fetched_again(
    stored: str, handle: Any, event: Any, tmp_path: Path
) -> None:
    assert handle(event("rest_api"), None)["statusCode"] == 200
    (cached,) = (tmp_path / "cache").iterdir()
    good = cached.read_bytes()
    cached.write_bytes(good[:-1])

    from aws_lambda_scorer import handler
    from aws_lambda_scorer.pipeline import Pipeline

    handler.PIPELINE = Pipeline()
    assert handle(event("rest_api"), None)["statusCode"] == 200
    assert cached.read_bytes() == good


def test_a_missing_object_is_a_problem_until_it_is_there(
    stored: str, s3: Any, bucket: str, handle: Any, event: Any, template: Path
) -> None:
    s3.delete_object(Bucket=bucket, Key=stored)
    answer = handle(event("rest_api"), None)
    assert (answer["statusCode"], code(answer)) == (503, "artifact_missing")
    assert answer["headers"]["retry-after"] == "1"
    for path, status in (("/livez", 200), ("/readyz", 503), ("/model/id", 503)):
        assert handle(event("rest_api", path=path, httpMethod="GET"), None)["statusCode"] == status
    assert handle(json.loads((template / "example" / "request.json").read_text()), None)["status"] == 503

    s3.put_object(Bucket=bucket, Key=stored, Body=(template / "example" / "cooler.pipeline").read_bytes())
    assert handle(event("rest_api"), None)["statusCode"] == 200
    assert handle(event("rest_api", path="/readyz", httpMethod="GET"), None)["statusCode"] == 200


def test_another_object_than_was_deployed_is_refused(
    stored: str, s3: Any, bucket: str, handle: Any, event: Any
) -> None:
    s3.put_object(Bucket=bucket, Key=stored, Body=b"something else")
    answer = handle(event("rest_api"), None)
    assert (answer["statusCode"], code(answer)) == (503, "artifact_tampered")


def test_a_missing_bucket_and_a_wrong_address(
    handle: Any, s3: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_DIGEST", "0" * 64)
    monkeypatch.setattr(pipelines, "_AGAIN", 0.0)
    for uri, expected in (
        ("s3://no-such-bucket/key", "artifact_missing"),
        ("s3://bucket", "artifact_unreachable"),
    ):
        monkeypatch.setenv("PIPELINE_URI", uri)
        assert code(handle(event("rest_api"), None)) == expected


@pytest.mark.parametrize(("name", "value"), [
    ("PIPELINE_URI", ""), ("PIPELINE_DIGEST", "abc"), ("SCORER_MAX_ROWS", "many"), ("PIPELINE_URI", "s3://b/k"),
])  # fmt: skip
def test_a_wrong_environment_is_a_problem_that_names_the_variable(
    name: str, value: str, handle: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    answer = handle(event("rest_api"), None)
    assert (answer["statusCode"], code(answer)) == (503, "settings_invalid")
    assert ("PIPELINE_DIGEST" if value == "s3://b/k" else name) in json.loads(answer["body"])["detail"]


class Unwilling:
    """An S3 that answers with statuses of our choice, then with bytes."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.content = b""
        self.seen: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append({name.lower(): value for name, value in self.headers.items()})
                status = outer.statuses.pop(0) if outer.statuses else 200
                if status == 0:  # the connection breaks in the middle of an answer
                    self.send_response(200)
                    self.send_header("content-length", str(len(outer.content)))
                    self.end_headers()
                    self.wfile.write(outer.content[:10])
                    self.close_connection = True
                    return
                body = outer.content if status == 200 else b"<Error/>"
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def unwilling(stored: str, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unwilling]:
    server = Unwilling()
    server.content = (template / "example" / "cooler.pipeline").read_bytes()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    yield server
    server.close()


@pytest.mark.parametrize("statuses", [[503], [500, 429, 503], [0], [0, 503]])
def test_throttling_and_broken_connections_are_tried_again(
    unwilling: Unwilling, statuses: list[int], handle: Any, event: Any
) -> None:
    unwilling.statuses = list(statuses)
    assert handle(event("rest_api"), None)["statusCode"] == 200
    assert len(unwilling.seen) == len(statuses) + 1


def test_throttling_without_end_is_a_problem_and_recovers(
    unwilling: Unwilling, handle: Any, event: Any
) -> None:
    unwilling.statuses = [503] * 5
    answer = handle(event("rest_api"), None)
    assert (answer["statusCode"], code(answer)) == (503, "artifact_unreachable")
    assert handle(event("rest_api"), None)["statusCode"] == 200


def test_what_s3_denies_is_not_tried_again_at_once_but_by_the_next_request(
    unwilling: Unwilling, handle: Any, event: Any
) -> None:
    unwilling.statuses = [403]
    answer = handle(event("rest_api"), None)
    assert (answer["statusCode"], code(answer)) == (503, "artifact_denied")
    assert "s3:GetObject" in json.loads(answer["body"])["hint"]
    assert len(unwilling.seen) == 1
    assert handle(event("rest_api"), None)["statusCode"] == 200


def test_a_failure_is_not_tried_again_within_a_second(
    unwilling: Unwilling, handle: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "_AGAIN", 60.0)
    unwilling.statuses = [403]
    for _ in range(3):
        assert handle(event("rest_api"), None)["statusCode"] == 503
    assert len(unwilling.seen) == 1


def test_the_session_token_is_sent_and_signed(
    unwilling: Unwilling, handle: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
    handle(event("rest_api"), None)
    (seen,) = unwilling.seen
    assert seen["x-amz-security-token"] == "a-token"
    assert "x-amz-security-token" in seen["authorization"]


def test_credentials_come_from_the_container_endpoint_too(
    unwilling: Unwilling, handle: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with SnapStart."""
    issuer = Unwilling()
    issuer.content = json.dumps({"AccessKeyId": "FROMENDPOINT", "SecretAccessKey": "s", "Token": "t",
                                 "Expiration": "2099-01-01T00:00:00Z"}).encode()  # fmt: skip
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{issuer.url}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "bearer")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert handle(event("rest_api"), None)["statusCode"] == 200
    issuer.close()
    assert "FROMENDPOINT" in unwilling.seen[0]["authorization"]


@pytest.mark.parametrize(("bucket", "region", "expected"), [
    ("plain", "eu-central-1", "https://plain.s3.eu-central-1.amazonaws.com/a%20b/c"),
    ("with.dots", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/with.dots/a%20b/c"),
    ("plain", "cn-north-1", "https://plain.s3.cn-north-1.amazonaws.com.cn/a%20b/c"),
])  # fmt: skip
def test_addresses_without_an_endpoint_of_ones_own(
    bucket: str, region: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    assert buckets._url(bucket, "a b/c", region) == expected


def test_a_file_of_a_layer_needs_no_network(handle: Any, event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "fetch", lambda *_: pytest.fail("it was fetched"))
    assert handle(event("rest_api"), None)["statusCode"] == 200


def test_a_file_that_is_not_there(
    handle: Any, event: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_URI", str(tmp_path / "none.pipeline"))
    assert code(handle(event("rest_api"), None)) == "artifact_missing"


def test_an_artifact_that_scores_otherwise_is_refused(
    handle: Any, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aws_lambda_scorer.settings import read
    from scoring.artifact import Artifact

    data = (template / "example" / "cooler.pipeline").read_bytes()
    artifact = Artifact.read(data)
    samples = {**artifact.samples, "output": [[0.5, 0.25, 0.25] for _ in artifact.samples["output"]]}
    object.__setattr__(artifact, "samples", samples)
    monkeypatch.setattr(Artifact, "read", lambda _: artifact)
    with pytest.raises(Problem, match="self-test"):
        pipelines.load(read({"PIPELINE_URI": str(template / "example" / "cooler.pipeline")}))


@pytest.mark.parametrize("token", [None, "a/token+of=a role"])
@pytest.mark.parametrize("key", ["plain", "a b/c+d~e=f&g%h/é/'(x)*!"])
def test_the_signature_is_botocores(key: str, token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore", reason="botocore is not installed: nothing to compare with")
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    url = buckets._url("models", key, "eu-central-1")

    headers = buckets._signed(url, "eu-central-1", 1_800_000_000.0)

    given = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token)
    signer = S3SigV4Auth(given, "s3", "eu-central-1")
    sent = {name: value for name, value in headers.items() if name not in ("host", "authorization")}
    request = AWSRequest("GET", url, headers=sent)
    request.context["timestamp"] = headers["x-amz-date"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert headers["authorization"].endswith(f"Signature={signature}")
