"""One worker: the event loop, the listening socket, and how both end."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

import uvicorn

from server.app import App
from server.beat import Beat
from server.connection import Connection, look_after
from server.lane import Lane
from server.settings import Settings

BACKLOG: Final = 2048
FAILED: Final = 3
"""The exit code of a worker that could not start: another try would end the same."""

_YOUNG: Final = 10_000
"""New objects that are not yet let go of after which the interpreter looks for garbage."""

_SETTLE: Final = 0.05
"""Seconds in which what clients sent before the end is read from the sockets."""


def listen(host: str, port: int, shared: bool) -> socket.socket:
    """Open a listening socket; `shared`: with others on the port, to whom the kernel deals connections.

    Raises:
        OSError: the address cannot be had.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    opened.setblocking(False)
    return opened


def work(settings: Settings, opened: socket.socket, worker: int = 0, parent: int | None = None) -> int:
    """Answer requests until SIGTERM or SIGINT; return the exit code. `parent` ending ends the worker too."""
    app = App(settings, worker, settings.processes())
    assert settings.state is not None
    beat = Beat(settings.state, worker, settings.processes())
    beat.rest()  # the directory may be that of a run before
    server = _Server(_config(app, settings), app, beat, parent)
    try:
        server.run([opened])
    except SystemExit:  # uvicorn's word for an app that did not start; the app has said why
        return FAILED
    finally:
        beat.close()
    return 0 if server.started else FAILED


def _config(app: App, settings: Settings) -> uvicorn.Config:
    class Limited(Connection):
        patience = settings.patience
        capacity = settings.capacity
        door = app.door
        lane = Lane(app)

    quiet = logging.getLogger("uvicorn.error")
    quiet.handlers[:] = [logging.NullHandler()]  # the app has its own log, which never has a value in it
    quiet.propagate = False
    secure: dict[str, Any] = {}
    if settings.secure is not None:
        secure = {"ssl_certfile": settings.secure.certificate, "ssl_keyfile": settings.secure.key}
        if settings.secure.client_ca is not None:
            secure |= {"ssl_ca_certs": str(settings.secure.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Limited,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.patience.idle,  # type: ignore[arg-type]  # any number will do
        **secure,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which ends in stages so that nothing that was accepted is lost.

    After SIGTERM it is not ready but answers as usual, so that balancers can turn away; then it listens no
    more, reads what has already come, refuses what comes later, waits for what is at work, and exits with 0.
    """

    def __init__(self, config: uvicorn.Config, app: App, beat: Beat, parent: int | None) -> None:
        super().__init__(config)
        self._app = app
        self._beat = beat
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the artifact, then listen."""
        await super().startup(sockets)
        # What is here now stays; looking for garbage in it again and again would be felt. Requests leave
        # next to none, but when many are at work at once, the usual threshold takes them for it.
        gc.freeze()
        gc.set_threshold(_YOUNG)
        self._looking = asyncio.create_task(look_after(self.server_state.connections))
        assert sockets is not None
        host, port = sockets[0].getsockname()[:2]
        scheme = "http" if self._app.settings.secure is None else "https"
        served = self._app.stand.current
        self._app.log.event(
            "listening", pid=os.getpid(), url=f"{scheme}://{host}:{port}", id=served.id, digest=served.digest
        )

    async def on_tick(self, counter: int) -> bool:
        """Look around, ten times a second."""
        self._beat.strike()
        self._app.connections = len(self.server_state.connections)
        if self._parent is not None and os.getppid() != self._parent:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in stages."""
        app, state = self._app, self.server_state
        app.draining = True
        app.log.event("draining", pid=os.getpid())
        await asyncio.sleep(app.settings.drain_seconds)
        for server in self.servers:
            server.close()
        for opened in sockets or []:
            opened.close()
        await asyncio.sleep(_SETTLE)
        app.closing = True
        for connection in list(state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(app.settings.grace_seconds):
                while state.connections or state.tasks:
                    self._beat.strike()
                    await asyncio.sleep(0.01)
        self._looking.cancel()
        for task in list(state.tasks):
            task.cancel()
        app.log.event("stopped", pid=os.getpid(), cut=len(state.tasks))
        await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as wishes, which are fulfilled when the server has ended."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True
        self._app.draining = True
