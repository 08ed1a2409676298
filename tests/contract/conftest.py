"""Every template, found by its manifest, and what the promises about answers are tried on.

A new template is held to every promise from the day it is there.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from deployment.template import Template

sys.path.insert(0, str(Path(__file__).parent))

from copies import Copies
from frames import Golden, goldens
from once import shared

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted(
    path.parent for path in [*ROOT.glob("*/template.toml"), *ROOT.glob("templates/*/template.toml")]
)
START_SECONDS = 30.0


@pytest.fixture(params=TEMPLATES, ids=lambda folder: folder.name)
def template(request: pytest.FixtureRequest) -> Path:
    """The directory of one template."""
    folder: Path = request.param
    return folder


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Golden]:
    """Goldens by the name of their kind."""
    return goldens(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """The templates' copies, shared by the processes of this run."""
    return Copies(shared(tmp_path_factory) / "alone")


@pytest.fixture
def copy(template: Path, copies: Copies) -> Path:
    """The template, alone, with an environment of its own."""
    return copies.of(template)


@pytest.fixture
def packaged(template: Path, copies: Copies) -> tuple[Path, str]:
    """The template, alone, with its package, and what packaging said."""
    makes = Template.read(template).package.makes
    if any(path.endswith("image.json") for path in makes):
        pytest.skip(
            "does not apply: its package is an image, which is built and held against its budget "
            "by tests/integration/cloud_run/runner"
        )
    return copies.packaged(template)


@dataclass
class Got:
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Endpoint:
    """A template's app, as its word `run` starts it."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time that the app's processes have taken so far; Linux only."""
        return sum(map(_cpu_seconds, _family(self.pid)))

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Got:
        sent = {"Content-Type": "application/json"} if headers is None else headers
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return Got(
                answer.status, answer.read(), {name.lower(): text for name, text in answer.getheaders()}
            )
        finally:
            connection.close()


def _family(pid: int) -> list[int]:
    """A process and those that it has started, and theirs."""
    children = [
        int(word)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for word in path.read_text().split()
    ]
    return [pid, *(each for child in children for each in _family(child))]


def _cpu_seconds(pid: int) -> float:
    # The name before the last bracket may hold anything; after it come the state and forty numbers.
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, numbers[11:15])) / os.sysconf("SC_CLK_TCK")


Serve = Callable[[Path, Path], Endpoint]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a template's app with an artifact, once for each pair of them."""
    running: dict[tuple[Path, Path], tuple[subprocess.Popen[bytes], Endpoint]] = {}

    def start(template: Path, artifact: Path) -> Endpoint:
        manifest = Template.read(template)
        if manifest.interface != "http":
            pytest.skip("does not apply: it answers SQL, and is held to the same by tests/integration/sql")
        if (template, artifact) not in running:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            module = manifest.name.replace("-", "_")
            log = tmp_path_factory.mktemp("served") / "log"
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", module, "run", str(artifact)],
                    env={
                        **os.environ, "PORT": str(port), "HOST": "127.0.0.1", "WORKERS": "1",
                        "PYTHONPATH": str(template / "src"),  # a template that was just made is not installed
                    },
                    stdout=file, stderr=subprocess.STDOUT,
                )  # fmt: skip
            running[template, artifact] = process, Endpoint(port, process.pid)
            _wait(process, running[template, artifact][1], log)
        return running[template, artifact][1]

    yield start
    for process, _ in running.values():
        process.send_signal(signal.SIGTERM)
    for process, _ in running.values():
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], endpoint: Endpoint, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if endpoint.send("GET", "/readyz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the app is not ready:\n{log.read_text()[-4000:]}")
