"""The template's own example, and a container of it: a process with SageMaker's environment."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import scoring

EXAMPLE = Path(__file__).parent.parent / "example"


@pytest.fixture(scope="session")
def example() -> Path:
    return EXAMPLE


@pytest.fixture(scope="session")
def scorer() -> scoring.Scorer:
    return scoring.load(EXAMPLE / "cooler.pipeline")


@pytest.fixture(scope="session")
def request_() -> dict[str, Any]:
    """The sample request, with a second row and JSON numbers for cells."""
    found = json.loads((EXAMPLE / "request.json").read_bytes())
    row = [float(cell) for cell in found["rows"][0]]
    return {"fields": found["fields"], "rows": [row, [cell * 1.5 for cell in row]]}


@dataclass
class Container:
    """A running container; `ask` sends a request and gives status, body and headers."""

    port: int
    process: "subprocess.Popen[bytes]"

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): text for name, text in answer.getheaders()}
        finally:
            connection.close()

    def invoke(self, body: bytes, content_type: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        return self.ask("POST", "/invocations", body, content_type=content_type, **headers)


@pytest.fixture(scope="module")
def containers() -> Iterator[Callable[..., Container]]:
    """A function that starts containers with variables of the environment; they end with the module."""
    running = []

    def start(**variables: str) -> Container:
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
            port = opened.getsockname()[1]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SAGEMAKER_")}
        environment = {**clean, "SAGEMAKER_BIND_TO_PORT": str(port), "HOST": "127.0.0.1", **variables}
        process = subprocess.Popen(
            [sys.executable, "-m", "aws_sagemaker_scorer", "serve"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        container = Container(port, process)
        running.append(container)
        end = time.monotonic() + 30
        while time.monotonic() < end and process.poll() is None:
            try:
                if container.ask("GET", "/ping")[0] == 200:
                    return container
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"The container is not ready; exit code {process.poll()}.")

    yield start
    for container in running:
        container.process.send_signal(signal.SIGTERM)
    for container in running:
        assert container.process.wait(30) == 0
