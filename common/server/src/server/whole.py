"""Whole answers: a status, headers and a body that are written in one go.

`ANSWER` is an extension of ASGI by which an app hands over such an answer: its headers, which are the app's
own, are not searched for what they cannot have, and head and body leave together.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_COPIED: Final = 16 * 1024
"""Bytes of a body up to which it is quicker to copy it behind its head than to write it after it."""


class Common:
    """The headers that uvicorn gives every answer, as lines; there is a new list of them once a second."""

    def __init__(self) -> None:
        self._of: Any = None
        self._lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return the lines of the list."""
        if headers is not self._of:
            self._of, self._lines = headers, b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._lines


common: Final = Common()


def write(cycle: RequestResponseCycle, status: int, lines: bytes, body: bytes) -> bool:
    """Write an answer whole, `lines` being its headers; False if it has to be sent in messages."""
    if cycle.flow.write_paused or cycle.response_started:
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    close = b"" if cycle.keep_alive else b"connection: close\r\n"
    head = b"".join((STATUS_LINE[status], common.lines(cycle.default_headers), lines, close, b"\r\n"))
    if len(body) > _COPIED:
        cycle.transport.write(head)
        cycle.transport.write(body)
    else:
        cycle.transport.write(head + body)
    cycle.message_event.set()
    if close:
        cycle.transport.close()
    cycle.on_response()
    return True
