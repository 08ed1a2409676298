"""The shelf: a directory where the workers of a server keep artifacts and agree on the current one.

A worker that starts anew takes the current artifact from here and not from the watched path, where a bad or a
rolled back one may lie. The directory is in memory where the system has such a place.
"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

_PREFIX: Final = "scoring-server-"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- entries are made by mkdtemp


@dataclass(frozen=True, slots=True)
class State:
    """Digests of the artifacts: served, served before, and not to be taken up again without being asked."""

    current: str
    previous: str | None = None
    refused: str | None = None


class Shelf:
    """The directory of one server. All writing is done under `lock`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "state.json"

    def state(self) -> State | None:
        """Return what was agreed on; None before the first artifact."""
        try:
            return State(**json.loads(self._state.read_bytes()))
        except FileNotFoundError:
            return None

    def stamp(self) -> int:
        """Return a number that changes with the state."""
        try:
            return self._state.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def agree(self, state: State) -> None:
        """Write the state and take off the shelf what nobody needs any more."""
        self._write(self._state, json.dumps(asdict(state)).encode())
        kept = {f"{digest}.pipeline" for digest in (state.current, state.previous)}
        for file in self.folder.glob("*.pipeline"):
            if file.name not in kept:
                file.unlink(missing_ok=True)

    def put(self, data: bytes) -> str:
        """Keep an artifact; return its digest."""
        digest = hashlib.sha256(data).hexdigest()
        self._write(self.folder / f"{digest}.pipeline", data)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of an artifact that is kept."""
        return (self.folder / f"{digest}.pipeline").read_bytes()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the other workers from changing anything meanwhile."""
        with (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, path: Path, data: bytes) -> None:
        draft = path.with_suffix(f".{os.getpid()}.draft")
        draft.write_bytes(data)
        draft.replace(path)


@contextmanager
def shelf(folder: Path | None = None) -> Iterator[Shelf]:
    """Open a directory that is given, or make one and remove it in the end.

    Directories of servers that were killed before they could remove them are removed now.
    """
    if folder is not None:
        yield Shelf(folder)
        return
    place = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    _sweep(place)
    made, alive = _make(place)
    try:
        yield Shelf(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        alive.close()


def _make(place: Path) -> tuple[Path, BinaryIO]:
    """Make a directory and hold the lock that says that it is in use."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with suppress(FileNotFoundError):
            alive = (made / "alive").open("wb")
            fcntl.flock(alive, fcntl.LOCK_EX)
            if (made / "alive").exists():
                return made, alive
            alive.close()  # another server took it for one that was left, before it was locked


def _sweep(place: Path) -> None:
    for left in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = left.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue  # anybody may put things here; only what is ours is touched
            with (left / "alive").open("rb") as alive:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
