"""Patience: which bodies are waited for, and when the waiting ends.

A timer for every request would cost more than reading a small body does. So one timer looks at all bodies.
"""

import asyncio
from typing import Any, Final

from scoring.problem import Problem

from server.call import Body

LOOK_SECONDS: Final = 0.5
_SLOWEST: Final = 64 * 1024
"""Bytes a second below which a long body is given up."""


class Reading:
    """The bodies that are being read, and their tasks."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._begun: dict[Body, tuple[float, asyncio.Task[Any]]] = {}

    def begin(self, body: Body, now: float) -> None:
        """Wait for a body from now on; `now` is `time.perf_counter()`."""
        task = asyncio.current_task()
        assert task is not None
        self._begun[body] = now, task

    def end(self, body: Body) -> None:
        """Wait for a body no longer; its memory counts until then."""
        self._begun.pop(body, None)

    def buffered(self) -> int:
        """Return about how many bytes of bodies are in memory; a streamed one counts as one limit at most."""
        return sum(min(body.size, self._most) for body in self._begun)

    def look(self, now: float) -> None:
        """Give up the bodies that come too slowly."""
        for body, (begun, task) in list(self._begun.items()):
            if body.waiting and not body.late and now - begun > self._seconds + body.size / _SLOWEST:
                body.late = True
                task.cancel()


def too_slow() -> Problem:
    """Return the refusal of a body that did not come in time."""
    detail = "The body did not come in time."
    return Problem("request_timeout", 408, detail, "Send the whole body at once, or fewer rows.")
