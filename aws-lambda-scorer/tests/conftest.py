"""The handler with the example's artifact, events as AWS sends them, and S3 in this process."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

TEMPLATE = Path(__file__).parent.parent
PIPELINE = TEMPLATE / "example" / "cooler.pipeline"
REQUEST = TEMPLATE / "example" / "request.json"

Event = Callable[..., dict[str, Any]]
Handle = Callable[..., Any]


@pytest.fixture(scope="session")
def template() -> Path:
    """The template's directory."""
    return TEMPLATE


@pytest.fixture(scope="session")
def body() -> bytes:
    """A score request."""
    return REQUEST.read_bytes()


@pytest.fixture
def context() -> SimpleNamespace:
    """What Lambda hands over beside the event."""
    return SimpleNamespace(
        aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        function_name="scorer",
        get_remaining_time_in_millis=lambda: 30_000,
    )


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Handle:
    """The handler in a fresh environment that serves the example's artifact."""
    monkeypatch.setenv("PIPELINE_URI", str(PIPELINE))
    monkeypatch.setenv("SCORER_CACHE", str(tmp_path / "cache"))
    for name in ("PIPELINE_DIGEST", "_X_AMZN_TRACE_ID", "AWS_LAMBDA_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)
    from aws_lambda_scorer import handler
    from aws_lambda_scorer.pipeline import Pipeline

    monkeypatch.setattr(handler, "PIPELINE", Pipeline())
    return handler.handle


@pytest.fixture
def event() -> Event:
    """A recorded event by its name, with members changed."""

    def recorded(name: str, **changed: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((TEMPLATE / "tests" / "events" / f"{name}.json").read_text())
        return {**found, **changed}

    return recorded


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """A client of S3 in this process, which the environment names as AWS."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: no S3 to try")
    boto3 = pytest.importorskip("boto3")
    patch = pytest.MonkeyPatch()
    moto = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)
    yield boto3.client("s3")
    patch.undo()
    moto.stop()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    name = f"b{abs(hash(request.node.nodeid)):x}"[:40]
    s3.create_bucket(Bucket=name)
    return name


def content(answer: dict[str, Any]) -> bytes:
    """The body that the client of an answer gets."""
    text: str = answer["body"]
    return b64decode(text) if answer["isBase64Encoded"] else text.encode()
