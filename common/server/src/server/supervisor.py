"""The supervisor: one worker for each processor, and a new one for each that dies or hangs.

Every worker has a listening socket of its own on the same port, so that the kernel deals the connections
out evenly (with one socket for all, a few kept-alive connections may land on one worker). The supervisor
holds the sockets too: connections that wait for a worker that died are answered by the one in its place.
"""

import multiprocessing
import os
import signal
import socket
import time
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

from server.beat import Beat
from server.log import to_person
from server.process import FAILED, work
from server.settings import Settings

_SPAWN: Final = multiprocessing.get_context("spawn")
_LONGEST: Final = 10.0
_STEADY: Final = 5.0
"""Seconds after which a worker counts as having started well; the next restart then waits for nothing."""

_EXTRA: Final = 5.0
"""Seconds beyond the workers' own grace, after which those that still live are killed."""


class Supervisor:
    """Keeps the workers of one server alive until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings, sockets: list[socket.socket]) -> None:
        self._settings = settings
        self._sockets = sockets
        self._workers: dict[int, SpawnProcess] = {}
        self._begun: dict[int, float] = {}
        assert settings.state is not None
        self._beats = [Beat(settings.state, worker, len(sockets)) for worker in range(len(sockets))]
        self._pause = 0.0
        self._ending = False

    def run(self) -> int:
        """Start the workers and stay until the end; return the exit code."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for worker in range(len(self._sockets)):
                self._start(worker)
            code = self._keep()
            return self._stop() or code
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self, worker: int) -> None:
        self._beats[worker].rest()
        process = _SPAWN.Process(
            target=_worker, args=(self._settings, self._sockets[worker], worker, os.getpid()), daemon=False
        )
        process.start()
        self._workers[worker] = process
        self._begun[worker] = time.monotonic()

    def _keep(self) -> int:
        while not self._ending:
            wait([process.sentinel for process in self._workers.values()], timeout=0.2)
            for worker, process in list(self._workers.items()):
                if self._ending or (process.is_alive() and not self._hangs(worker, process)):
                    continue
                if process.exitcode == FAILED:
                    return 1
                lived = time.monotonic() - self._begun[worker]
                self._pause = 0.0 if lived > _STEADY else min(_LONGEST, 2 * self._pause or 0.1)
                self._rest(self._pause)
                if not self._ending:
                    self._start(worker)
        return 0

    def _hangs(self, worker: int, process: SpawnProcess) -> bool:
        """End a worker that has not turned for too long; return whether it had to be."""
        patience, silent = self._settings.hang_seconds, self._beats[worker].silence()
        if not patience or silent <= patience:
            return False
        to_person(f"WARNING: worker {process.pid} has not turned for {silent:.0f} seconds; it is replaced.")
        process.kill()  # it would not hear anything gentler
        process.join()
        return True

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._ending and time.monotonic() < end:
            time.sleep(0.05)

    def _stop(self) -> int:
        for opened in self._sockets:
            opened.close()  # else clients could still connect, to nobody
        for process in self._workers.values():
            if process.is_alive():
                process.terminate()
        settings = self._settings
        end = time.monotonic() + settings.drain_seconds + settings.grace_seconds + _EXTRA
        for process in self._workers.values():
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        return int(any(process.exitcode for process in self._workers.values()))

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True


def _worker(settings: Settings, opened: socket.socket, worker: int, parent: int) -> None:
    opened.setblocking(False)
    raise SystemExit(work(settings, opened, worker, parent))
