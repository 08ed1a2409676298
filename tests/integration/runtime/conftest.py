"""AWS's own runtime emulator and runtime client around the package, and a bucket for the artifact."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
import scoring

HERE = Path(__file__).parent
PLUGIN = HERE.parent / "localstack" / "plugin" / "src"
if str(PLUGIN) not in sys.path:
    sys.path.insert(0, str(PLUGIN))

from lambda_sandbox import parts  # noqa: E402
from lambda_sandbox.faults import Faults  # noqa: E402
from lambda_sandbox.package import Built, built  # noqa: E402
from lambda_sandbox.sandbox import Function, Runtime, Sandbox, unavailable  # noqa: E402

BUCKET, KEY = "artifacts", "cooler.pipeline"


@pytest.fixture(scope="session")
def function_package(root: Path) -> Built:
    """The Lambda template's package, built as `make package` does."""
    return built(root / "aws-lambda-scorer")


@pytest.fixture(scope="session")
def lambda_runtime() -> Runtime:
    """Emulator, client and interpreter of Lambda's python3.11."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    try:
        return parts.runtime("python3.11")
    except parts.PartsError as error:
        pytest.skip(str(error))


@pytest.fixture
def start(lambda_runtime: Runtime, tmp_path: Path) -> Iterator[Callable[[Function], Sandbox]]:
    """Start a cold sandbox for a function; all of them end with the test."""
    running: list[Sandbox] = []

    def started(function: Function) -> Sandbox:
        sandbox = Sandbox(function, lambda_runtime, home=tmp_path / "sandboxes", tied=True)
        running.append(sandbox)
        sandbox.start()
        return sandbox

    yield started
    for sandbox in running:
        sandbox.stop()


@pytest.fixture(scope="session")
def bucket(
    function_package: Built, aws_emulator: Callable[[], AbstractContextManager[str]]
) -> Iterator[Faults]:
    """S3 with the example's artifact in it, reached over a place that counts."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    with aws_emulator() as url:
        s3: Any = boto3.client("s3", endpoint_url=url, **keys)
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_file(str(function_package.template / "example" / KEY), BUCKET, KEY)
        with Faults(int(url.rpartition(":")[2])) as way:
            yield way
        s3.close()


@pytest.fixture(scope="session")
def scorer(function_package: Built) -> scoring.Scorer:
    """The same artifact, loaded here."""
    return scoring.load(function_package.template / "example" / KEY)


@pytest.fixture(scope="session")
def body(function_package: Built) -> bytes:
    """The example's request."""
    return (function_package.template / "example" / "request.json").read_bytes()


@pytest.fixture
def function(function_package: Built, bucket: Faults, scorer: scoring.Scorer) -> Function:
    """The function as the recipe configures it, with its artifact in the bucket."""
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_ENDPOINT_URL": bucket.url,
        "AWS_SECRET_ACCESS_KEY": "test",
        "PIPELINE_DIGEST": scorer.digest,
        "PIPELINE_URI": f"s3://{BUCKET}/{KEY}",
    }
    return Function(
        code=function_package.code,
        handler=function_package.handler,
        name="cooler-lambda",
        variables=variables,
        memory_mb=1024,
        timeout_s=29,
    )


@pytest.fixture
def probe(tmp_path: Path) -> Callable[[str], Function]:
    """Make a function out of a few lines of Python; they see `event`, and `answer` is what they give."""

    def made(lines: str) -> Function:
        code = tmp_path / "code"
        code.mkdir()
        indented = "".join(f"    {line}\n" for line in lines.splitlines())
        (code / "probe.py").write_text(
            f"kept = []\ndef handle(event, context):\n    answer = None\n{indented}    return answer\n"
        )
        return Function(code=code, handler="probe.handle", memory_mb=256, timeout_s=2)

    return made


def event(name: str) -> dict[str, Any]:
    """Read a recorded event."""
    document: dict[str, Any] = json.loads((HERE / "events" / f"{name}.json").read_text())
    return document


@pytest.fixture
def recorded() -> Callable[[str], dict[str, Any]]:
    """Read a recorded event of this name."""
    return event


@pytest.fixture
def small(function: Function) -> Function:
    """The same function with the least memory that Lambda sells."""
    return replace(function, memory_mb=128)
