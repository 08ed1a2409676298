"""Two small scoring pipelines that answer differently, the app in this process, and the server as one."""

import asyncio
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

import lightgbm
import numpy as np
import pytest
import scoring
from server.app import App
from server.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))  # format_bodies.py, which two test modules import

Make = Callable[..., App]


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("artifacts")
    random = np.random.default_rng(1)
    X = random.normal(size=(400, 4))
    made = []
    for number, y in enumerate((X[:, 0] + X[:, 1] > 0, X[:, 2] - X[:, 3] > 0)):
        parameters = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1}
        names = ["a", "b", "c", "d"]
        booster = lightgbm.train(parameters, lightgbm.Dataset(X, y.astype(int), feature_name=names), 12)
        path = folder / f"{number}.pipeline"
        scoring.pack(booster, path, name=f"demo-{number}", labels=["no", "yes"], target="y")
        made.append(path.read_bytes())
    return made


@pytest.fixture
def live(tmp_path: Path, artifacts: list[bytes]) -> Path:
    path = tmp_path / "live.pipeline"
    path.write_bytes(artifacts[0])
    return path


@pytest.fixture
def make(live: Path, tmp_path: Path) -> Iterator[Make]:
    apps = []

    def build(**options: Any) -> App:
        options = {"watch_seconds": 0, "access_log": tmp_path / "log", "workers": 1} | options
        app = App(Settings(live, **options))
        apps.append(app)
        app.start()
        return app

    yield build
    for app in apps:
        app.close()


@dataclass
class Got:
    """An answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    app: App, method: str, target: str, body: bytes | list[bytes] = b"", headers: dict[str, str] | None = None
) -> Got:
    path, _, query = target.partition("?")
    pieces = [body] if isinstance(body, bytes) else list(body)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    got = Got()

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.sleep(60)
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            got.body += message["body"]
            got.whole = not message.get("more_body", False)

    await app(scope, receive, send)
    return got


def fetch(app: App, *words: Any, **options: Any) -> Got:
    return asyncio.run(ask(app, *words, **options))


@pytest.fixture
def request_body(artifacts: list[bytes]) -> bytes:
    return body_of(3)


def body_of(rows: int, seed: int = 5) -> bytes:
    cells = np.random.default_rng(seed).normal(size=(rows, 4)).tolist()
    return json.dumps(
        {"fields": ["a", "b", "c", "d"], "rows": [[repr(x) for x in row] for row in cells]}
    ).encode()


class Serving:
    """A server process on a free port of this host."""

    def __init__(self, path: Path, log: Path, options: list[str], program: list[str]) -> None:
        self.log = log
        environment = {**os.environ, "PYTHONWARNINGS": "error"}
        command = [sys.executable, *program, str(path), "--port", "0", *options]
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(command, stderr=stderr, env=environment)
        self.port = 0

    def wait(self, workers: int = 1) -> "Serving":
        end = time.monotonic() + 20
        while len(self.events("listening")) < workers:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)
        self.port = int(self.events("listening")[0]["url"].rpartition(":")[2])
        return self

    def events(self, name: str) -> list[dict[str, Any]]:
        text = self.log.read_text()
        whole = text[: text.rfind("\n") + 1]  # the last line may be on its way
        lines = [line for line in whole.splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=20)

    def get(self, method: str, target: str, body: bytes = b"", **headers: str) -> Got:
        connection = self.connect()
        try:
            return exchange(connection, method, target, body, **headers)
        finally:
            connection.close()

    def raw(self, data: bytes = b"") -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        opened.sendall(data)
        return opened

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(40)


def exchange(connection: HTTPConnection, method: str, target: str, body: bytes = b"", **headers: str) -> Got:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body or None, {"content-type": "application/json"} | named)
    answer = connection.getresponse()
    content = answer.read()
    return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content, True)


@pytest.fixture
def serve(live: Path, tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    running: list[Serving] = []

    def start(*options: str, workers: int = 1, program: tuple[str, ...] = ("-m", "server")) -> Serving:
        words = ["--workers", str(workers), *options]
        serving = Serving(live, tmp_path / f"stderr-{len(running)}", words, list(program))
        running.append(serving)
        return serving.wait(workers)

    yield start
    for serving in running:
        if serving.process.poll() is None:
            serving.process.kill()
        serving.process.wait()


@pytest.fixture
def tools() -> "type[Tools]":
    return Tools


class Tools:
    """Functions that tests share; under importlib mode test modules cannot import this one."""

    ask = staticmethod(ask)
    fetch = staticmethod(fetch)
    body_of = staticmethod(body_of)
    exchange = staticmethod(exchange)
