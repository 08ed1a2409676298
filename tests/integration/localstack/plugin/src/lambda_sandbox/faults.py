"""A way to LocalStack on which S3 can fail: LocalStack itself does not enforce who may read what."""

import http.client
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ERROR = "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>"
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length"}


@dataclass
class Fault:
    """What happens to requests whose path contains `part`; `status` 0 lets them pass."""

    part: str
    status: int = 0
    code: str = ""
    hold: threading.Event | None = None  # requests wait until it is set
    damage: Callable[[bytes], bytes] | None = None
    times: int = 1 << 30  # so many requests are concerned, later ones pass
    seen: threading.Event = field(default_factory=threading.Event)
    count: int = 0


class _Server(ThreadingHTTPServer):
    """A server that takes a killed client for nothing unusual."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless it is just that the other side has gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Faults:
    """A forwarding server on a free port of loopback; it counts what passes and fails what it is told to."""

    def __init__(self, target_port: int) -> None:
        outer = self
        self.paths: list[str] = []
        self._active: list[Fault] = []
        self._target = target_port

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def handle_method(self) -> None:
                outer._serve(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_method

            def log_message(self, *_: Any) -> None:
                """Say nothing: what failed is asserted by the tests."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2})

    def __enter__(self) -> "Faults":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def fault(self, part: str, **how: Any) -> Any:
        """Let requests whose path contains `part` fail while the block lasts; gives the Fault."""
        fault = Fault(part, **how)
        self._active.append(fault)
        try:
            yield fault
        finally:
            self._active.remove(fault)
            if fault.hold is not None:
                fault.hold.set()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        self.paths.append(request.path)
        fault = next((f for f in self._active if f.part in request.path and f.count < f.times), None)
        if fault is not None:
            fault.count += 1
            fault.seen.set()
            if fault.hold is not None:
                fault.hold.wait(60)
            if fault.status:
                self._answer(
                    request, fault.status, {"content-type": "application/xml"}, ERROR.format(code=fault.code)
                )
                return
        status, headers, content = self._forward(request, body)
        if fault is not None and fault.damage is not None:
            content = fault.damage(content)
        self._answer(request, status, headers, content)

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._target, timeout=60)
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
            connection.request(request.command, request.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in HOP}, content
        finally:
            connection.close()

    @staticmethod
    def _answer(
        request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: str | bytes
    ) -> None:
        data = content.encode() if isinstance(content, str) else content
        try:
            request.send_response_only(status)
            for name, value in headers.items():
                request.send_header(name, value)
            if request.command != "HEAD":
                request.send_header("content-length", str(len(data)))
            request.end_headers()
            if request.command != "HEAD":
                request.wfile.write(data)
        except OSError:
            request.close_connection = True  # the function was killed while it waited
