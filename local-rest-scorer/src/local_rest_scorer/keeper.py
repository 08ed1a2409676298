"""The keeper: the process behind the scenes that starts the server anew when it dies or hangs.

It is small on purpose: it loads neither the engine nor the HTTP server, listens to nobody, and wakes once a
second.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from local_rest_scorer.place import Place
from local_rest_scorer.process import Process
from local_rest_scorer.rotation import Rotation
from local_rest_scorer.settings import seconds

_EXTRA: Final = 7.0
HANG_SECONDS: Final = 30.0
_LOOK: Final = 1.0
_SOON: Final = 0.05
_LONGEST: Final = 10.0
_STEADY: Final = 10.0
"""Seconds after which a server counts as having run well; the next restart then waits for nothing."""

INHERITED: Final = ("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH", "TMPDIR", "TZ")
"""Variables that go on to the server; whatever else the caller has, such as credentials, does not."""


def stop_seconds(environment: Mapping[str, str]) -> float:
    """Return how long the server may take to end: a little more than it gives to requests at work."""
    drain = seconds(environment, "SCORER_DRAIN_SECONDS", 0.25)
    return drain + seconds(environment, "SCORER_GRACE_SECONDS", 30.0) + _EXTRA


class Keeper:
    """Keeps the server of one place alive until SIGTERM or SIGINT."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._wish = place.read(place.wish)
        self._log = Rotation(place.log)
        self._child: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._begun = self._again = self._pause = 0.0
        self._deadline: float | None = None
        self._ran = self._running = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Stay until the end; return the exit code: 0, or 1 if the server never came up."""
        woken, wake = socket.socketpair()
        for end in (woken, wake):
            end.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._selector.register(woken, selectors.EVENT_READ)
        self._start()
        while True:
            waiting = self._child is None or not self._running or self._deadline is not None
            for key, _ in self._selector.select(_SOON if waiting else _LOOK):
                if key.fileobj is woken:
                    woken.recv(4096)
                else:
                    self._pump()
            code = self._look()
            if code is not None:
                self._log.close()
                return code

    def _end(self, _number: int, _frame: object) -> None:
        if self._deadline is None:
            self._deadline = time.monotonic() + stop_seconds(self._wish["environment"])
            if self._child is not None:
                self._child.terminate()

    def _look(self) -> int | None:
        """Do what has to be done now; return an exit code if this is the end."""
        now = time.monotonic()
        ending = self._deadline is not None
        if self._child is None:
            if ending:
                return 0
            if now >= self._again:
                self._start()
            return None
        code = self._child.poll()
        if code is not None:
            self._bury(code)
            if ending:
                return 0
            return 1 if code > 0 and not self._ran else None
        if self._deadline is not None:
            if now > self._deadline:
                os.killpg(self._child.pid, signal.SIGKILL)
            return None
        self._listen_to_it()
        return None

    def _start(self) -> None:
        place = self._place
        (place.shelf / "beats").unlink(missing_ok=True)
        place.shelf.mkdir(mode=0o700, exist_ok=True)
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        command = [sys.executable, "-P", "-m", "local_rest_scorer", "child"]
        command += ["--name", place.name, "--state-dir", str(place.folder.parent), "--parent"]
        self._child = subprocess.Popen(
            [*command, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment | self._wish["environment"],
            start_new_session=True,
        )
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        self._selector.register(self._child.stdout, selectors.EVENT_READ)
        self._begun = time.monotonic()
        self._running = False
        self._note()

    def _bury(self, code: int) -> None:
        child, self._child = self._child, None
        assert child is not None
        assert child.stdout is not None
        self._pump(child)
        with contextlib.suppress(KeyError):  # it is out already if the pipe has ended
            self._selector.unregister(child.stdout)
        child.stdout.close()
        if self._deadline is None:
            self._say(f"The server ended with {code}.")
            lived = time.monotonic() - self._begun
            self._pause = 0.0 if lived > _STEADY else min(_LONGEST, 2 * self._pause or 0.1)
            self._again = time.monotonic() + self._pause
            self._restarts += 1
        self._running = False
        self._note()

    def _listen_to_it(self) -> None:
        """Find out whether the server has come up, and whether it still turns."""
        from server.beat import silence

        assert self._child is not None
        silent = silence(self._place.shelf)
        if silent is None:
            return
        if not self._running:
            self._ran = self._running = True
            self._note()
        patience = seconds(self._wish["environment"], "SCORER_HANG_SECONDS", HANG_SECONDS)
        if patience and silent > patience:
            self._say(f"The server has not turned for {silent:.0f} seconds; it is replaced.")
            os.killpg(self._child.pid, signal.SIGKILL)

    def _pump(self, child: subprocess.Popen[bytes] | None = None) -> None:
        """Take what the server wrote to its log, as far as it is there."""
        child = child or self._child
        if child is None or child.stdout is None:
            return
        while True:
            try:
                data = os.read(child.stdout.fileno(), 65536)
            except BlockingIOError:
                return
            if not data:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(child.stdout)
                return
            self._log.write(data)

    def _say(self, text: str) -> None:
        self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} supervisor: {text}\n".encode())

    def _note(self) -> None:
        server = None if self._child is None else Process.of(self._child.pid)
        own = Process.of(os.getpid())
        self._place.note(
            {
                "supervisor": {"pid": own.pid, "started": own.started},
                "server": None if server is None else {"pid": server.pid, "started": server.started},
                "running": self._running,
                "restarts": self._restarts,
            }
        )
