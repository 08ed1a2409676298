"""Work: which calls are let in, and where their parsing and scoring is done."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from scoring.contract import problem_body
from scoring.fault import refusal
from scoring.problem import Problem

from server.call import Call, ClientGone, Limit
from server.clock import engine_clock
from server.door import QUICK
from server.settings import Capacity

T = TypeVar("T")

RETRY_SECONDS: Final = 1
"""What Retry-After tells the callers that were turned away."""


class Desk:
    """Lets calls in, up to the capacity, and does their work on the event loop or in threads.

    The engine releases the interpreter's lock, so threads score side by side. A call that waits for a thread
    has been let in; all others are refused at once. Waiting work is dropped when its client leaves.
    """

    def __init__(self, capacity: Capacity, threads: int) -> None:
        self._inline = capacity.inline_bytes
        self._most: dict[Limit, int] = {"score": capacity.scores, "contribution": capacity.contributions}
        self.at_work: dict[Limit, int] = {"score": 0, "contribution": 0}
        self._pools = {
            "score": ThreadPoolExecutor(threads, "score"),
            "contribution": ThreadPoolExecutor(capacity.contribution_threads, "contribution"),
        }

    def admit(self, call: Call, limit: Limit) -> None:
        """Let a call in; raises Problem `too_many_requests`."""
        if self.full(limit):
            raise busy()
        self.release(call)
        self.at_work[limit] += 1
        call.admitted = limit

    def full(self, limit: Limit) -> bool:
        """Whether a call would be refused now; then its body need not be read."""
        return limit != "light" and self.at_work[limit] >= self._most[limit]

    def release(self, call: Call) -> None:
        """Give the place of a call to another one."""
        if call.admitted is not None:
            self.at_work[call.admitted] -= 1
            call.admitted = None

    async def run(self, call: Call, limit: Limit, function: Callable[[], T]) -> T:
        """Do work of a call where it holds up nobody; see `Call.run`."""
        if limit == "light":
            return function()
        if call.admitted is not limit:
            self.admit(call, limit)
        if limit == "score" and call.body.size <= self._inline:
            if call.body.size > QUICK:
                await asyncio.sleep(0)  # so that those who wait for this loop are counted at the gate
            result, seconds = _timed(function)
        else:
            result, seconds = await self._in_thread(call, limit, function)
        call.engine_seconds += seconds
        return result

    async def _in_thread(self, call: Call, limit: Limit, function: Callable[[], T]) -> tuple[T, float]:
        """Work in a thread; a call that waits for one is dropped when its client leaves."""
        work = self._pools[limit].submit(_timed, function)
        done = asyncio.wrap_future(work)
        if not call.body.watchable:
            return await done
        leaving = asyncio.ensure_future(call.body.left())
        try:
            await asyncio.wait((done, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not done.done() and work.cancel():
                raise ClientGone
            return await done  # a thread cannot be called back, and its call keeps the place until then
        finally:
            leaving.cancel()

    def close(self) -> None:
        """Let the threads end when they have done what they began."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


def busy() -> Problem:
    """Return the refusal of a request that came while there was too much to do."""
    return refusal("too_many_requests", "The server is busy.", f"Try again in {RETRY_SECONDS} second.")


BUSY: Final = problem_body(busy())
"""The status and the body of that refusal, ready to send: whoever has too much to do saves what it can."""


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    engine_clock.seconds = 0.0
    return function(), engine_clock.seconds
