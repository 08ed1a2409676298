"""Forms: what a line of the log looks like. A platform whose log wants other lines has a form of its own."""

import json
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

Line = tuple[float, str, str, str, str, int, int, int, int, float, float, str, str, str]
"""time, request id, trace id, method, route, status, bytes in, bytes out, rows, seconds, engine seconds,
digest, name of the key, code of the problem; "" is unknown and left out."""


class Form(Protocol):
    """Turns what happened into lines. Workers get a copy of it, so it must be one that can be pickled."""

    def request(self, line: Line) -> str:
        """Return the line, without its end, about a request that was answered."""

    def event(self, when: float, name: str, members: Mapping[str, Any]) -> str:
        """Return the line about an event at a time, in seconds since 1970; JSON can hold its members."""


class Plain:
    """Lines of JSON with our own names."""

    def request(self, line: Line) -> str:
        """Return the line about a request."""
        when, request_id, trace, method, route, status, size, sent, rows, taken, engine, digest, key, code = (
            line
        )
        more = ""
        if trace:
            more = f',"trace":"{trace}"'
        if key:
            more += f',"key":"{key}"'
        if code:
            more += f',"code":"{code}"'
        # None of the texts has a character that JSON would escape: all were checked, or are our own.
        return (
            f'{{"time":"{iso(when)}","event":"request","id":"{request_id}","method":"{method}",'
            f'"route":"{route}","status":{status},"bytes_in":{size},"bytes_out":{sent},"rows":{rows},'
            f'"ms":{taken * 1e3:.3f},"engine_ms":{engine * 1e3:.3f},"digest":"{digest}","pid":{_process()}'
            f"{more}}}"
        )

    def event(self, when: float, name: str, members: Mapping[str, Any]) -> str:
        """Return the line about an event."""
        return json.dumps({"time": iso(when), "event": name, **members}, ensure_ascii=False)


_process = os.getpid


def iso(when: float) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the millisecond."""
    second = int(when)
    return f"{_minute(second // 60)}{second % 60:02d}.{int((when - second) * 1000):03d}Z"


@lru_cache(2)
def _minute(minute: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(60 * minute))
