"""Watching: the thread that looks for new artifacts and new keys."""

import threading
from collections.abc import Callable, Iterable

from scoring.problem import Problem

from server.keys import Keys
from server.log import Log


class Watch:
    """Looks every few seconds until it is closed. What it finds amiss is said in the log."""

    def __init__(self, seconds: float, follow: Callable[[], None], keys: Iterable[Keys], log: Log) -> None:
        self._seconds = seconds
        self._follow = follow
        self._keys = tuple(keys)
        self._log = log
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        if seconds > 0:
            self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(self._seconds):
            for keys in self._keys:
                self._refresh(keys)
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 -- nothing that it meets may end the watching
                self._log.failure("watch", error)

    def _refresh(self, keys: Keys) -> None:
        try:
            if keys.refresh():
                self._log.event("keys_read", count=len(keys))
        except Problem as problem:
            self._log.event("keys_refused", detail=str(problem))
