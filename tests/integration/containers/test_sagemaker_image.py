"""The SageMaker template's Dockerfile, built unchanged, and its image, run as SageMaker runs one."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import scoring

IMAGE = "localhost/aws-sagemaker-scorer:test"


@pytest.fixture(scope="module")
def template(packaged: Callable[[str], Path]) -> Path:
    return packaged("aws-sagemaker-scorer")


@pytest.fixture(scope="module")
def image(
    container_engine: Any, python_image: str, template: Path, record_testsuite_property: Any
) -> Iterator[str]:
    container_engine.build(template, IMAGE)
    size, base = (container_engine.image(name)["Size"] / 1e6 for name in (IMAGE, python_image))
    record_testsuite_property("aws-sagemaker-scorer image MB", f"{size:.0f}")
    print(f"aws-sagemaker-scorer: {size:.0f} MB, of which the base image is {base:.0f} MB", file=sys.stderr)
    assert size - base < 150
    yield IMAGE
    container_engine.remove(IMAGE)


def ask(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except OSError:
        return 0, b""


def test_it_serves_what_sagemaker_has_unpacked(
    container_engine: Any, image: str, template: Path, free_port: int
) -> None:
    body = (template / "example/request.json").read_bytes()
    artifact = template / "example/cooler.pipeline"
    environment = {"HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(free_port)}
    environment["SAGEMAKER_MODEL_SERVER_WORKERS"] = "1"

    mounts = {artifact: "/opt/ml/model/model.pipeline"}
    with container_engine.run(image, environment=environment, mounts=mounts) as container:
        container.wait(lambda: ask(free_port, "/ping")[0] == 200)

        assert ask(free_port, "/invocations", body) == (200, scoring.load(artifact).score_json(body))
        assert container.stop() == 0


def test_it_serves_many_models(container_engine: Any, image: str, template: Path, free_port: int) -> None:
    body = (template / "example/request.json").read_bytes()
    artifact = template / "example/cooler.pipeline"
    environment = {"HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(free_port)}
    environment["SAGEMAKER_MULTI_MODEL"] = "true"

    mounts = {artifact: "/opt/ml/models/7/model/model.pipeline"}
    with container_engine.run(image, environment=environment, mounts=mounts) as container:
        container.wait(lambda: ask(free_port, "/ping")[0] == 200)
        named = json.dumps({"model_name": "7", "url": "/opt/ml/models/7/model"}).encode()

        assert ask(free_port, "/models", named)[0] == 200
        assert ask(free_port, "/models/7/invoke", body) == (200, scoring.load(artifact).score_json(body))


def test_without_a_model_it_says_what_is_missing(container_engine: Any, image: str, free_port: int) -> None:
    environment = {"SAGEMAKER_BIND_TO_PORT": str(free_port)}
    with container_engine.run(image, environment=environment) as container:
        container_engine.podman("wait", container.name)
        assert "/opt/ml/model" in container.logs()
        assert container.inspect()["State"]["ExitCode"] == 1


def test_the_image_says_what_sagemaker_may_ask_of_it(container_engine: Any, image: str) -> None:
    labels = container_engine.image(image)["Config"]["Labels"]

    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
