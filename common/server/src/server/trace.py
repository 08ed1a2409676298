"""Tracing: the ids that connect a request with what callers and logs know of it."""

import itertools
import os
import re
from typing import Final

_SANE: Final = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")
_PARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_CLOUD: Final = re.compile(rb"([0-9a-f]{32})(/[0-9]{1,20})?(;o=[0-9])?")
_NOBODY: Final = b"0" * 32


class RequestIds:
    """Gives ids to requests: 64 random bits for the process, then a count; fresh bits would cost more."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._count = itertools.count(1)

    def of(self, given: bytes | None) -> str:
        """Return the caller's id if it is one that logs and headers can carry, else a fresh one."""
        if given is not None and _SANE.fullmatch(given):
            return given.decode()
        return f"{self._prefix}-{next(self._count):x}"


def trace_id(parent: bytes | None, cloud: bytes | None = None) -> str:
    """Return the trace id of a W3C `traceparent`, or of Google's `X-Cloud-Trace-Context`; "" for none."""
    found = _PARENT.fullmatch(parent) if parent is not None and not parent.startswith(b"ff") else None
    if found is None or found[1] == _NOBODY:
        found = _CLOUD.fullmatch(cloud) if cloud is not None else None
    return "" if found is None or found[1] == _NOBODY else found[1].decode()
