"""The engine's clock: how long a thread was within the engine, apart from everything around it."""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any


class _Clock(threading.local):
    seconds: float = 0.0


engine_clock = _Clock()
"""The seconds of the current thread; who reads them sets them to 0 before."""


class TimedEngine:
    """The engine of a scoring pipeline, which keeps `engine_clock`. All else is the engine's own."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        for name in dir(engine):
            found = None if name.startswith("_") else getattr(engine, name)
            if callable(found):
                setattr(self, name, _timed(found))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _timed(function: Callable[..., Any]) -> Callable[..., Any]:
    clock, now = engine_clock, perf_counter

    def timed(*arguments: Any, **options: Any) -> Any:
        begun = now()
        try:
            return function(*arguments, **options)
        finally:
            clock.seconds += now() - begun

    return timed
