"""Connections: uvicorn's HTTP protocol, with the limits that it lacks.

A head that never ends, a head without bound, a client that stops reading, connections that nobody uses any
more and connections without number are ended here. One timer looks at all of them: uvicorn's own timer for
every answer costs more than it tells.

A small request for scores waits for its body here and then goes to the `lane`, without a word of ASGI. All
others go to the app, which may hand over its answer whole (`server.whole`).
"""

import asyncio
from functools import partial
from time import perf_counter
from typing import Any, Final

from scoring.contract import problem_body
from scoring.problem import Problem
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from server.call import ANSWER, JSON
from server.door import PATHS, QUICK, Door
from server.lane import URL, Lane
from server.settings import Capacity, Patience
from server.whole import common, write

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
    door = Door(capacity.scores)
    lane: Lane | None = None
    refused = False
    _held: bytes | None = None  # what has come of a body that the lane waits for
    _given: dict[bytes, bytes]  # the headers of that request
    _turned_away = False  # the request whose body comes now; nobody reads it
    _size = 0  # bytes of the body so far
    _waiting = 0  # requests of this connection that the door counts
    _head = 0  # bytes since the last head ended
    _answered = False  # a request was answered, and the next one has not begun
    _since: float | None = None  # when the current wait for a head, or for a reader, was first seen

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or turn it away if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.capacity.connections:
            self.refuse(503, "not_ready", "The server has too many connections.", "Try again in a second.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        self.door.waiting -= self._waiting
        self._waiting = 0
        self._held = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self.refused:
            return
        if self._answered:
            self._answered = False
            self._since = None
        self._head += len(data)
        super().data_received(data)
        if self._head > self.capacity.header_bytes and self._in_head() and not self.refused:
            self._too_long()

    def on_message_begin(self) -> None:
        """Begin to read a head; the scope is made when the head is there, if the app is asked."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        self._head = self._size = 0
        self._since = None
        if len(self.headers) > _FIELDS:
            self._too_long()
            self.headers.clear()
        if self.refused:
            return
        if self._idle() and self.parser.get_method() == b"POST":
            self._given = dict(self.headers)
            if self._wait_for_body() or self._turn_away():
                return
        self._ask()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._head = 0
        self._size += len(body)
        if self._held is not None:
            self._held += body
        elif not self.refused and not self._turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer in the lane, or note that a request has come as a whole."""
        if self._held is not None:
            assert self.lane is not None
            if self.lane.answer(self._given, self._held, self._put):
                self._held = None
                self._answered = True
                self.server_state.total_requests += 1
                return
            self.give_up_lane()
        if self._turned_away:
            self._turned_away = False
            self._answered = True
        elif not self.refused:
            super().on_message_complete()
            if self._size > QUICK and self.cycle is not None and not self.cycle.response_complete:
                self._waiting += 1
                self.door.waiting += 1

    def shutdown(self) -> None:
        """End the connection when its request, if there is one, was answered."""
        self.give_up_lane()
        super().shutdown()

    def give_up_lane(self) -> None:
        """Let the app answer the request whose body the lane waits for."""
        held, self._held = self._held, None
        if held is not None:
            self._ask()
            if held:
                super().on_body(held)

    def _wait_for_body(self) -> bool:
        """Leave a request to the lane, if it is for it; whether it was left."""
        lane = self.lane
        if self.url != URL or lane is None or not lane.takes(self._given):
            return False
        if self.flow.write_paused or not self._goes_on():
            return False
        self._held = b""
        return True

    def _goes_on(self) -> bool:
        """Whether the client wants to keep the connection after the current request."""
        parser = self.parser
        return bool(parser.should_keep_alive()) and (
            b"connection" not in self._given or parser.get_http_version() == "1.1"
        )

    def _ask(self) -> None:
        """Ask the app."""
        url, headers, expecting = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expecting
        self.headers.extend(headers)
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {ANSWER: partial(write, self.cycle)}  # type: ignore[dict-item]

    def _put(self, lines: bytes, body: bytes) -> None:
        """Write an answer of the lane."""
        ours = common.lines(self.server_state.default_headers)
        self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[200], ours, lines, body))

    def on_response_complete(self) -> None:
        """Go on with the next request, if it has come already."""
        self.server_state.total_requests += 1
        if self._waiting:
            self._waiting -= 1
            self.door.waiting -= 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._answered = True

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words
        """Refuse what is not HTTP."""
        self.refuse(400, "malformed_http", "This is not a request of HTTP/1.1.", "Look at the client.")

    def _turn_away(self) -> bool:
        """Answer a request with 429 before its body comes, if there is too much to do; whether it was."""
        door = self.door
        if not door.waiting or not self.url.startswith(PATHS):
            return False
        if not door.shut(self._given) or door.refuse is None:
            return False
        ours = common.lines(self.server_state.default_headers)
        close = b"" if self._goes_on() else b"connection: close\r\n"
        self.transport.write(b"%b%b%b%b" % (STATUS_LINE[429], ours, close, door.refuse(self._given)))
        self._turned_away = True
        if close:
            self.transport.close()
        return True

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
        self.give_up_lane()  # the app has patience for bodies
        if self.flow is not None and self.flow.write_paused:
            if self._waited(now, self.patience.write):
                self.transport.abort()
        elif self._answered:
            if self._waited(now, self.patience.idle):
                self.transport.close()
        elif self._idle():
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
