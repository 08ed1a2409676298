"""A caller of a service: plain HTTP, one request a connection."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Sends requests to a port of this host, with the same headers each time."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self._port = port
        self._headers = headers or {}
        self._pool = ThreadPoolExecutor(32)

    def get(self, path: str, **headers: str) -> Got:
        return self.send("GET", path, b"", headers)

    def post(self, path: str, body: bytes, **headers: str) -> Got:
        return self.send("POST", path, body, headers)

    def later(self, path: str, body: bytes) -> "Future[Got]":
        """Send a POST from another thread."""
        return self._pool.submit(self.post, path, body)

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Got:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        given = {"content-type": "application/json", **self._headers, **headers}
        try:
            connection.request(method, path, body or None, given)
            answer = connection.getresponse()
            told = {name.lower(): text for name, text in answer.getheaders()}
            return Got(answer.status, answer.read(), told)
        finally:
            connection.close()
