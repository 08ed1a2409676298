"""Beats: by which a worker shows that it still turns, and others see that one hangs.

The file has a double for each worker: when its event loop last turned, on the system's monotonic clock; 0 if
it has not begun. A worker that is stopped, or waits for something that never comes, does not strike.
"""

import mmap
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE: Final = "beats"
"""The name of the file in the directory that the workers share."""

_BEAT: Final = struct.Struct("d")


class Beat:
    """Where one worker strikes."""

    def __init__(self, folder: Path, worker: int, workers: int) -> None:
        size = _BEAT.size * workers
        path = folder / FILE
        with path.open("ab") as file:
            file.truncate(max(size, file.tell()))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)
        self._at = _BEAT.size * worker

    def strike(self) -> None:
        """Say that the worker turns."""
        _BEAT.pack_into(self._map, self._at, time.monotonic())

    def rest(self) -> None:
        """Say that no worker is at this place, or that one has only begun to start."""
        _BEAT.pack_into(self._map, self._at, 0.0)

    def silence(self) -> float:
        """Return the seconds since the last strike, 0.0 if there was none yet."""
        (last,) = _BEAT.unpack_from(self._map, self._at)
        return time.monotonic() - last if last else 0.0

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def silence(folder: Path) -> float | None:
    """Return the seconds since any worker struck; None if none has begun."""
    beats: list[float] = []
    with suppress(OSError):
        data = (folder / FILE).read_bytes()
        beats = [last for (last,) in _BEAT.iter_unpack(data[: len(data) // _BEAT.size * _BEAT.size])]
    newest = max(beats, default=0.0)
    return time.monotonic() - newest if newest else None
