"""Connections: uvicorn's HTTP protocol, with the limits that it lacks.

uvicorn closes a connection that is idle between two requests. A head that never ends, a head without bound, a
client that stops reading, and connections without number are ended here.
"""

import asyncio
from time import perf_counter
from typing import Any, Final

from scoring.contract import problem_body
from scoring.problem import Problem
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.call import JSON
from server.settings import Capacity, Patience

_REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_LOOK: Final = 0.5
_FIELDS: Final = 200
"""Lines of the head of a request; far more than any client or proxy sends."""


class Connection(HttpToolsProtocol):
    """One connection. `server.process` sets the limits of the class before it listens."""

    patience = Patience()
    capacity = Capacity()
    refused = False
    _head = 0  # bytes since the last head ended
    _since: float | None = None  # when the current wait for a head, or for a reader, was first seen

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or turn it away if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.capacity.connections:
            self.refuse(503, "not_ready", "The server has too many connections.", "Try again in a second.")

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self.refused:
            return
        self._head += len(data)
        super().data_received(data)
        if self._head > self.capacity.header_bytes and self._in_head() and not self.refused:
            self._too_long()

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        self._head = 0
        self._since = None
        if len(self.headers) > _FIELDS:
            self._too_long()
            self.headers.clear()
        if not self.refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._head = 0
        if not self.refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a request has come as a whole."""
        if not self.refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words
        """Refuse what is not HTTP."""
        self.refuse(400, "malformed_http", "This is not a request of HTTP/1.1.", "Look at the client.")

    def refuse(self, status: int, code: str, detail: str, hint: str) -> None:
        """Answer with a problem without asking the app, and close."""
        if self.refused or self.transport.is_closing():
            return
        self.refused = True
        body = problem_body(Problem(code, status, detail, hint))[1]
        self.transport.write(
            f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: {JSON}\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    def look(self, now: float) -> None:
        """End the connection if it has waited too long for the client."""
        if self.flow is not None and self.flow.write_paused:
            if self._waited(now, self.patience.write):
                self.transport.abort()
        elif self._idle() and self.timeout_keep_alive_task is None:
            if self._waited(now, self.patience.header):
                if self._in_head():
                    self.refuse(
                        408, "request_timeout", "The request did not come in time.", "Send it at once."
                    )
                else:
                    self.transport.close()
        else:
            self._since = None

    def _too_long(self) -> None:
        self.refuse(431, "header_too_large", "The head of the request is too large.", "Send fewer headers.")

    def _idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _in_head(self) -> bool:
        """Whether a request's head has begun and not ended."""
        return (self._head > 0 and self._idle()) or (self.cycle is not None and not self.cycle.more_body)

    def _waited(self, now: float, seconds: float) -> bool:
        if self._since is None:
            self._since = now
        return now - self._since > seconds


async def look_after(connections: set[Any]) -> None:
    """Look at all connections, again and again."""
    while True:
        await asyncio.sleep(_LOOK)
        now = perf_counter()
        for connection in list(connections):
            connection.look(now)
