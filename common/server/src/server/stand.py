"""The stand: the scoring pipeline that is served now, and how another one takes its place."""

import threading
from contextlib import suppress
from pathlib import Path

from scoring.problem import Problem
from scoring.settings import Settings

from server.call import Served
from server.log import Log
from server.served import card, load
from server.shelf import Shelf, State

Stamp = tuple[int, int, int]


class Stand:
    """Holds the current scoring pipeline. `current` is swapped in one step, for calls that begin later."""

    current: Served

    def __init__(self, path: Path, settings: Settings, shelf: Shelf, log: Log) -> None:
        self._path = path
        self._settings = settings
        self._shelf = shelf
        self._log = log
        self._turn = threading.Lock()
        self.swaps = 0
        self._seen = _stamp(path)
        with shelf.lock():
            state = shelf.state()
            if state is None:
                data = _read(path)
                self.current = load(data, settings)
                shelf.agree(State(shelf.put(data)))
            else:
                self.current = load(shelf.get(state.current), settings)
            self._agreed = shelf.stamp()

    def reload(self) -> Served:
        """Take up what lies at the path now, unless it is served already; return what is served.

        Raises:
            Problem: the file is no good artifact; what was served still is.
        """
        with self._turn, self._shelf.lock():
            return self._take()

    def rollback(self) -> Served:
        """Go back to what was served before; return it. The watched file is left alone until it changes.

        Raises:
            Problem: `unsupported`, when nothing was served before.
        """
        with self._turn, self._shelf.lock():
            state = self._shelf.state()
            if state is None or state.previous is None:
                raise Problem("unsupported", 409, "Nothing was served before.", "Deploy an artifact first.")
            self._seen = _stamp(self._path)
            served = load(self._shelf.get(state.previous), self._settings)
            self._shelf.agree(State(state.previous, state.current, state.current))
            return self._swap(served, "rollback")

    def follow(self) -> None:
        """Take up what other workers agreed on, or a new file at the path if it is any good."""
        with self._turn:
            if self._shelf.stamp() != self._agreed:
                with self._shelf.lock():
                    self._join()
            stamp = _stamp(self._path)
            if stamp is None or stamp == self._seen:
                return
            self._seen = stamp
            with suppress(Problem), self._shelf.lock():
                self._join()
                self._take(watched=True)

    def _join(self) -> None:
        state = self._shelf.state()
        assert state is not None
        if state.current != self.current.digest:
            self._swap(load(self._shelf.get(state.current), self._settings), "join")
        self._agreed = self._shelf.stamp()

    def _take(self, watched: bool = False) -> Served:
        state = self._shelf.state()
        assert state is not None
        self._seen = _stamp(self._path)
        try:
            data = _read(self._path)
            digest = self._shelf.put(data)
            if digest == self.current.digest == state.current or (watched and digest == state.refused):
                return self.current
            served = load(data, self._settings)
        except Problem as problem:
            self._log.event("artifact_refused", code=problem.code, detail=str(problem))
            self._shelf.agree(state)  # which takes the bad one off the shelf
            raise
        self._shelf.agree(State(digest, state.current if digest != state.current else state.previous))
        return self._swap(served, "watch" if watched else "reload")

    def _swap(self, served: Served, cause: str) -> Served:
        before, self.current = self.current, served
        self.swaps += 1
        self._agreed = self._shelf.stamp()
        self._log.event("pipeline_swapped", cause=cause, previous=before.digest, **card(served))
        return served


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        detail = f"The artifact {str(path)!r} cannot be read: {error.strerror}."
        raise Problem("artifact_unreadable", 503, detail, "Check the path and its permissions.") from None


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
