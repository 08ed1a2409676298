"""The log: lines of JSON about requests and events, written beside the requests and never in their way.

No value of a cell gets here: of a request there are its route, ids, sizes and times, of a failure its type
and place. Lines wait in memory for a thread that writes them. When they come faster than they can be
written, or cannot be written at all (a full disk, a closed pipe), they are dropped and counted.
"""

import json
import os
import sys
import threading
import time
from collections import deque
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_WAITING: Final = 20_000
_BATCH: Final = 500
_PAUSE: Final = 0.05
_FAREWELL: Final = 2.0

Line = tuple[float, str, str, str, str, int, int, int, int, float, float, str, str, str]
"""time, request id, trace id, method, route, status, bytes in, bytes out, rows, seconds, engine seconds,
digest, name of the key, code of the problem; "" is unknown and left out."""


class Log:
    """Writes lines to a file, or to standard error."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            # What the interpreter has as standard error may be closed, or another stream in its place.
            self._descriptor = 2
        else:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._lines: deque[str] = deque()
        self._wake = threading.Event()
        self._closing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def request(self, line: Line) -> None:
        """Note a request that was answered."""
        self._add(_text(line))

    def event(self, name: str, /, **members: Any) -> None:
        """Note something that happened, with members that JSON can hold."""
        self._add(json.dumps({"time": _iso(time.time()), "event": name, **members}, ensure_ascii=False))

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

    def _add(self, line: str) -> None:
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
                count = min(len(self._lines), _BATCH)
                text = "\n".join([self._lines.popleft() for _ in range(count)])
                self._put(f"{text}\n".encode("utf-8", "backslashreplace"), count)
            if self._closing:
                return

    def _put(self, data: bytes, count: int) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.dropped += count


def _text(line: Line) -> str:
    when, request_id, trace_id, method, route, status, size, sent, rows, taken, engine, digest, key, code = (
        line
    )
    more = ""
    if trace_id:
        more = f',"trace":"{trace_id}"'
    if key:
        more += f',"key":"{key}"'
    if code:
        more += f',"code":"{code}"'
    # None of the texts has a character that JSON would escape: all were checked, or are our own.
    return (
        f'{{"time":"{_iso(when)}","event":"request","id":"{request_id}","method":"{method}",'
        f'"route":"{route}","status":{status},"bytes_in":{size},"bytes_out":{sent},"rows":{rows},'
        f'"ms":{taken * 1e3:.3f},"engine_ms":{engine * 1e3:.3f},"digest":"{digest}","pid":{_process()}'
        f"{more}}}"
    )


_process = os.getpid


def _iso(when: float) -> str:
    second = int(when)
    return f"{_minute(second // 60)}{second % 60:02d}.{int((when - second) * 1000):03d}Z"


@lru_cache(2)
def _minute(minute: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(60 * minute))


def to_person(text: str) -> None:
    """Say something on standard error to whoever started the server, if anybody can read it."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
