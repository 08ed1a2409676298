"""The log: lines of JSON about requests and events, written beside the requests and never in their way.

No value of a cell gets here: of a request there are its route, ids, sizes and times, of a failure its type
and place. Lines wait in memory for a thread that writes them. When they come faster than they can be
written, or cannot be written at all (a full disk, a closed pipe), they are dropped and counted.
"""

import os
import select
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

from server.form import Form, Line, Plain

_WAITING: Final = 20_000
_PIECE: Final = select.PIPE_BUF
"""Bytes that are written at once: between them no other worker's lines get into a pipe."""

_PAUSE: Final = 0.2  # lines are made and written in batches, beside the requests
_FAREWELL: Final = 2.0


class Log:
    """Writes lines of a form to a file, or to standard error."""

    def __init__(self, path: Path | None = None, form: Form | None = None) -> None:
        self._form = Plain() if form is None else form
        if path is None:
            # What the interpreter has as standard error may be closed, or another stream in its place.
            self._descriptor = 2
        else:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._lines: deque[Line | str] = deque()
        self._wake = threading.Event()
        self._closing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def request(self, line: Line) -> None:
        """Note a request that was answered."""
        self._add(line)

    def event(self, name: str, /, **members: Any) -> None:
        """Note something that happened, with members that JSON can hold."""
        self._add(self._form.event(time.time(), name, members))

    def failure(self, request_id: str, error: BaseException) -> None:
        """Note a defect: types and places of an exception and its causes; texts may hold values."""
        causes: list[dict[str, str]] = []
        cause: BaseException | None = error
        while cause is not None and len(causes) < 5:
            place, trace = "", cause.__traceback__
            while trace is not None:
                code = trace.tb_frame.f_code
                place = f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}"
                trace = trace.tb_next
            causes.append({"type": type(cause).__qualname__, "place": place})
            cause = cause.__cause__ or cause.__context__
        self.event("defect", id=request_id, causes=causes)

    def close(self) -> None:
        """Write what waits, for a short time at most."""
        self._closing = True
        self._wake.set()
        self._thread.join(_FAREWELL)

    def _add(self, line: Line | str) -> None:
        if len(self._lines) >= _WAITING:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def _write(self) -> None:
        while True:
            self._wake.wait()
            if not self._closing:
                time.sleep(_PAUSE)  # a batch costs little more than a line
            self._wake.clear()
            while self._lines:
                self._put(*self._next())
            if self._closing:
                return

    def _next(self) -> tuple[bytes, int]:
        """Return the lines to write next, as many as a pipe takes in one piece, and their number."""
        pieces: list[bytes] = []
        size = 0
        while self._lines:
            line = self._lines.popleft()
            text = line if isinstance(line, str) else self._form.request(line)
            data = f"{text}\n".encode("utf-8", "backslashreplace")
            size += len(data)
            if pieces and size > _PIECE:
                self._lines.appendleft(text)
                break
            pieces.append(data)
        return b"".join(pieces), len(pieces)

    def _put(self, data: bytes, count: int) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.dropped += count


def to_person(text: str) -> None:
    """Say something on standard error to whoever started the server, if anybody can read it."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
