"""The engine's clock: how long a thread was within the engine, apart from parsing, writing and HTTP."""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from scoring._engine import Pipeline


class _Clock(threading.local):
    seconds: float = 0.0


_TIMED: Final = (
    "row", "scores", "parts", "predict", "contributions", "transform", "predict_arrow", "contributions_arrow"
)  # fmt: skip

engine_clock = _Clock()
"""The seconds of the current thread; who reads them sets them to 0 before."""


class TimedEngine:
    """The engine of a scoring pipeline, which keeps `engine_clock`. All else is the engine's own."""

    def __init__(self, engine: Pipeline) -> None:
        self._engine = engine
        for name in _TIMED:
            setattr(self, name, _timed(getattr(engine, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _timed(function: Callable[..., Any]) -> Callable[..., Any]:
    clock, now = engine_clock, perf_counter

    def timed(*arguments: Any, **options: Any) -> Any:
        begun = now()
        result = function(*arguments, **options)
        clock.seconds += now() - begun
        return result

    return timed
