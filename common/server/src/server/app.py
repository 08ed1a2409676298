"""The app: what every HTTP template runs, as plain ASGI."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import ExitStack
from time import perf_counter
from typing import Any, Final
from urllib.parse import parse_qs

from scoring.body import too_large
from scoring.contract import problem_body
from scoring.fault import refusal
from scoring.problem import Problem

from server import admin, card, formats, inference, page, probe, score
from server.call import ANSWER, JSON, Answer, Body, Call, ClientGone, Served
from server.door import Door, announced
from server.keys import Keys, presented
from server.ledger import Ledger
from server.log import Log, to_person
from server.metrics import Metrics
from server.patience import LOOK_SECONDS, Reading, too_slow
from server.route import Route, Router
from server.settings import Settings
from server.shelf import Shelf, shelf
from server.spans import Spans
from server.stand import Stand
from server.trace import RequestIds
from server.watch import Watch
from server.work import BUSY, RETRY_SECONDS, Desk, busy

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

NOWHERE: Final = "none"
"""The route, in logs and metrics, of a request that has none."""

_RETRY: Final = (b"retry-after", str(RETRY_SECONDS).encode())
_BUSY: Final = "too_many_requests"
_GONE: Final = 499
_CLOSING: Final = (408, 503)
"""Statuses after which the connection is closed."""

_NONE: Final[dict[str, Any]] = {}


class App:
    """The ASGI app of one worker. `start` loads and tests the artifact; `close` ends the threads.

    A server that speaks ASGI's lifespan protocol does both by itself.
    """

    def __init__(self, settings: Settings, worker: int = 0, workers: int = 1) -> None:
        self.settings = settings
        self._place = worker, workers
        self.ids = RequestIds()
        self._exit = ExitStack()
        self._started = self.draining = self.closing = False
        self.connections = 0
        self.door = Door(settings.capacity.scores)
        self._turned_away = 0  # since the log heard of it

    @property
    def ready(self) -> bool:
        """Whether a self-test went well and the server is not about to end."""
        return self._started and not self.draining

    def start(self) -> None:
        """Load the artifact, test it and begin to watch; raises Problem."""
        settings = self.settings
        self.log = Log(settings.access_log, settings.form)
        self._exit.callback(self.log.close)
        self.keys = None if settings.keys is None else Keys(settings.keys)
        self._admin = None if settings.admin_keys is None else Keys(settings.admin_keys)
        self._shelf: Shelf = self._exit.enter_context(shelf(settings.state))
        self.stand = Stand(settings.path, settings.contract, self._shelf, self.log)
        self._router = Router(self._routes())
        paths = [NOWHERE, *dict.fromkeys(route.path for route in self._router.routes)]
        self._metrics = Metrics(self._shelf.folder / "metrics", paths, *self._place)
        self._exit.callback(self._metrics.close)
        spans = Spans(self.log) if settings.spans else None
        if spans is not None:
            self._exit.callback(spans.close)
        self.ledger = Ledger(self._metrics, self.log, spans)
        self.desk = Desk(settings.capacity, settings.threads())
        self._exit.callback(self.desk.close)
        self.reading = Reading(settings.patience.body, settings.contract.limits.body_bytes)
        keys = [keys for keys in (self.keys, self._admin) if keys is not None]
        watch = Watch(settings.watch_seconds, self.stand.follow, keys, self.log)
        self._exit.callback(watch.close)
        self._limit = settings.contract.limits.body_bytes
        self._started = True
        self.door.refuse = self._turn_away

    def close(self) -> None:
        """End the threads, write what is left of the log and let go of all files."""
        self._started = False
        self._exit.close()

    def metrics_text(self, served: Served) -> str:
        """Return the metrics of all workers as text."""
        self._metrics.now(self.connections, self.log.dropped, self.stand.swaps)
        return self._metrics.text(
            served.id, served.digest, served.scorer.name, self.ready, self.settings.labels
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through one lifespan."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    def _routes(self) -> list[Route]:
        routes = [*score.routes(self.settings.data_dir), *card.ROUTES, *probe.routes(self)]
        routes += [*inference.routes(self), *page.ROUTES]
        if self._admin is not None:
            routes += admin.routes(self.stand)
        if self.settings.more is not None:
            routes += self.settings.more()
        return routes

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        served = self.stand.current
        headers: dict[bytes, bytes] = dict(scope["headers"])
        method, path = scope["method"], scope["path"]
        body = Body(receive, self._limit)
        query = (
            parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            if scope["query_string"]
            else {}
        )
        request_id = self.ids.of(headers.get(b"x-request-id"))
        call = Call(method, path, query, headers, body, served, request_id, self.desk)
        route, key, code = NOWHERE, "", ""
        status = sent = 0
        self.ledger.begin()
        self.reading.begin(body, begun)
        try:
            try:
                found, call.parameters = self._router.find(method, path)
                route, call.limit = found.path, found.limit
                key = self._check(found, headers)
                self._admit(found, call)
                answer = await found.handler(call)
                if not isinstance(answer.body, bytes):
                    answer.body = await _begun(answer.body)  # what fails before the first piece is answered
            except Problem as problem:
                code = problem.code
                answer = self._refused(problem, path, call)
            except asyncio.CancelledError:
                if not body.late:
                    raise
                code, answer = "request_timeout", self._refused(too_slow(), path, call)
            status = answer.status
            sent = self._put(answer, call, scope)
            if sent < 0:
                sent = await self._send(answer, call, send)
        except ClientGone:
            status = _GONE
        except asyncio.CancelledError:
            if not body.late:
                raise
            status = _GONE
        except Problem as problem:  # in the middle of a stream: without its end, the client knows
            code = problem.code
        except Exception as error:  # noqa: BLE001 -- whatever it is, the client hears of it
            self.log.failure(request_id, error)
            if status == 0:
                code, status = "internal_error", 500
                sent = await self._send(self._refused(refusal(code), path, call), call, send)
        finally:
            self.desk.release(call)
            self.reading.end(body)
            seconds = perf_counter() - begun
            self.ledger.note(
                headers, request_id, method, route, status, body.size, sent, call.rows,
                seconds, call.engine_seconds, served.digest, key, code,
            )  # fmt: skip

    def _check(self, route: Route, headers: dict[bytes, bytes]) -> str:
        """Return the name of the caller's key, "" if none is needed; raises Problem `unauthorized`."""
        keys = {"api": self.keys, "admin": self._admin, "open": None}[route.access]
        if keys is None:
            return ""
        name = keys.name(presented(headers))
        if name is None:
            raise refusal("unauthorized", hint="Send a key as x-api-key, or as Authorization: Bearer.")
        return name

    def _admit(self, route: Route, call: Call) -> None:
        """Refuse what is known to be too much before its body is read; raises Problem."""
        if route.access != "open" and self.closing:
            raise refusal("not_ready", "The server is shutting down.", "Try again; another one will answer.")
        length = announced(call.headers)
        if length is None and b"transfer-encoding" not in call.headers:
            return
        size = length or 0
        if size > self._limit:
            if formats.plain(call):
                raise too_large(self._limit)
            size = self._limit  # it is streamed, or refused as it comes
        capacity = self.settings.capacity
        large = size > capacity.inline_bytes or length is None
        if large and (self.desk.full(call.limit) or self.reading.buffered() + size > capacity.buffered_bytes):
            raise busy()

    def _refused(self, problem: Problem, path: str, call: Call) -> Answer:
        if problem.status == 500 and problem.__cause__ is not None:
            self.log.failure(call.request_id, problem)
        status, body = BUSY if problem.code == _BUSY else problem_body(problem)
        more: tuple[tuple[bytes, bytes], ...] = ()
        if status == 401:
            more = ((b"www-authenticate", b"Bearer"),)
        elif status == 405:
            more = ((b"allow", ", ".join(self._router.allowed(path)).encode()),)
        elif status in (429, 503):
            more = (_RETRY,)
        if status == 429:
            self._metrics.shed()
        if status in _CLOSING:
            more += ((b"connection", b"close"),)
        return Answer(status, JSON, body, more)

    def _put(self, answer: Answer, call: Call, scope: Scope) -> int:
        """Hand over an answer whole, if it is plain and the server takes such; return its size, -1 if not."""
        # What is taken here leads back to the scope; left there, it would be work for the garbage collector.
        content, put = answer.body, (scope.pop("extensions", None) or _NONE).get(ANSWER)
        if put is None or not isinstance(content, bytes) or not call.scorer.lines:
            return -1
        if self.draining or call.method == "HEAD" or answer.status in _CLOSING:
            return -1
        self.desk.release(call)  # who reads slowly does not keep others out
        more = b"".join([b"%b: %b\r\n" % header for header in answer.headers]) if answer.headers else b""
        lines = b"content-type: %b\r\n%bx-request-id: %b\r\n%bcontent-length: %d\r\n" % (
            answer.content_type.encode(),
            call.scorer.lines,
            call.request_id.encode(),
            more,
            len(content),
        )
        return len(content) if put(answer.status, lines, content) else -1

    async def _send(self, answer: Answer, call: Call, send: Send) -> int:
        """Send an answer; return the size of its body."""
        content = answer.body
        headers: Headers = [
            (b"content-type", answer.content_type.encode()),
            *call.scorer.headers,
            (b"x-request-id", call.request_id.encode()),
            *answer.headers,
        ]
        if self.draining:
            headers.append((b"connection", b"close"))
        if isinstance(content, bytes):
            headers.append((b"content-length", str(len(content)).encode()))
            self.desk.release(call)  # who reads slowly does not keep others out
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": content})
            return len(content)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        size = 0
        async for piece in content:
            size += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return size

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self.start()
        except Problem as problem:
            self.close()
            to_person(f"Error: {problem.detail}\nWhat to do: {problem.hint}")
            await send({"type": "lifespan.startup.failed", "message": problem.code})
            return
        looking = asyncio.create_task(self._look())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        looking.cancel()
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.reading.look(perf_counter())
            if self._turned_away:
                self.log.event("turned_away", count=self._turned_away)
                self._turned_away = 0

    def _turn_away(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Count a request that the door turned away, and return the answer from its headers on.

        The log gets their number instead of a line for each, which would cost more than the refusal.
        """
        self._turned_away += 1
        self._metrics.turned_away(score.PATH)
        request_id = self.ids.of(headers.get(b"x-request-id"))
        return b"content-type: %b\r\n%bx-request-id: %b\r\n%b: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            JSON.encode(), self.stand.current.lines, request_id.encode(), *_RETRY, len(BUSY[1]), BUSY[1],
        )  # fmt: skip


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the pieces, the first of which has been made."""
    first = await anext(pieces, b"")

    async def rest() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return rest()


def make_app(settings: Settings) -> App:
    """Return the app of a server with one process, for an ASGI server of one's own."""
    return App(settings)
