"""Calls: one request on its way through the server, and its answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar

from scoring.body import too_large

if TYPE_CHECKING:
    from scoring.scorer import Scorer
    from scoring.settings import Settings

Limit = Literal["score", "contribution", "light"]
Access = Literal["api", "admin", "open"]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

P = ParamSpec("P")
T = TypeVar("T")

JSON = "application/json"

ANSWER = "scoring.answer"
"""The extension of ASGI by which `server.whole` takes a status, the lines of the headers and a body."""


class ClientGone(Exception):  # noqa: N818 -- what happened, not what went wrong
    """The client closed the connection before its request was answered."""


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A scoring pipeline that passed its self-test. A call keeps the one that it began with.

    Attributes:
        scorer: The loaded artifact; its engine keeps the time (see `server.served`).
        settings: The settings of the HTTP contract, limits included.
        digest: sha256 of the artifact.
        id: What answers carry as `id`.
        headers: `x-pipeline-id` and `x-pipeline-digest`, as the answers carry them.
        lines: The same as lines of HTTP.
    """

    scorer: "Scorer"
    settings: "Settings"
    digest: str
    id: str
    headers: tuple[tuple[bytes, bytes], ...]
    lines: bytes = b""


@dataclass(slots=True)
class Answer:
    """A status, a content type and a body: bytes, or pieces that are sent as they come.

    `headers` are further ones, their names in lower case. An exception in the middle of the pieces breaks the
    connection, so that a client never takes a cut answer for a whole one.
    """

    status: int
    content_type: str
    body: bytes | AsyncIterator[bytes]
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Body:
    """The bytes of a request, read as they arrive; the `limit` is on all of them together.

    Iterate over it to get pieces, or `read` it whole. `size` is how many bytes have come so far.
    """

    __slots__ = ("_done", "_receive", "_remote", "late", "limit", "size", "waiting")

    def __init__(self, receive: Receive, limit: int, remote: bool = True) -> None:
        self._receive = receive
        self._remote = remote  # there is a client, who may leave
        self._done = False
        self.limit = limit
        self.size = 0
        self.waiting = False  # for the client's next piece; `server.patience` looks at it
        self.late = False  # the patience is over; the task that reads was cancelled

    async def piece(self) -> bytes:
        """Return the next piece, b"" after the last one.

        Raises:
            Problem: `body_too_large`.
            ClientGone: the client closed the connection.
        """
        while not self._done:
            self.waiting = True
            message = await self._receive()
            self.waiting = False
            if message["type"] != "http.request":
                raise ClientGone
            self._done = not message.get("more_body", False)
            piece: bytes = message.get("body", b"")
            self.size += len(piece)
            if self.size > self.limit:
                raise too_large(self.limit)
            if piece:
                return piece
        return b""

    async def read(self) -> bytes:
        """Return all that has not been read yet; raises as `piece` does."""
        first = await self.piece()
        if self._done:
            return first
        pieces = [first]
        while piece := await self.piece():
            pieces.append(piece)
        return b"".join(pieces)

    @property
    def watchable(self) -> bool:
        """Whether the client can be heard leaving: the body is here, so nothing else can come."""
        return self._done and self._remote

    async def left(self) -> None:
        """Return when the client has closed the connection; only for a body that is `watchable`."""
        while (await self._receive())["type"] == "http.request":
            pass

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.piece():
            yield piece


class Work(Protocol):
    """Where the work of calls is done; `server.work.Desk` is the one there is."""

    async def run(self, call: "Call", limit: Limit, function: Callable[[], T]) -> T:
        """Do the work, on the loop or in a thread."""


@dataclass(slots=True, eq=False)
class Call:
    """A request as a handler sees it. Handlers set `rows`; the rest is for reading.

    Attributes:
        method: In upper case.
        path: Decoded, without the query.
        query: The values of every name in the query, in order.
        headers: Names in lower case; of equal names the last one.
        body: The bytes, as they arrive.
        scorer: The scoring pipeline that answers this call, whatever is swapped meanwhile.
        request_id: The caller's `x-request-id` if it is sane, else a fresh one.
        work: Where `run` runs.
        limit: The limit of the route.
        parameters: The values of the `{...}` segments of the route.
        rows: Rows that were scored: for the log and the metrics.
        engine_seconds: Time within the engine, kept by `run`.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[bytes, bytes]
    body: Body
    scorer: Served
    request_id: str
    work: Work
    limit: Limit = "score"
    parameters: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    engine_seconds: float = 0.0
    admitted: Limit | None = None

    async def read(self) -> bytes:
        """Return the whole body; raises Problem `body_too_large`."""
        return await self.body.read()

    async def run(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Call a function that parses or scores, where that holds up nobody, and return what it returns.

        After a small body that is the event loop itself, after a large one (or for contributions) a thread.
        The first `run` of a call passes the gate; the call keeps its place until it is answered.

        Raises:
            Problem: `too_many_requests` when too many calls are at work already.
        """
        return await self.work.run(self, self.limit, lambda: function(*arguments, **options))
