"""Rotation: a log file that never grows beyond a limit."""

from pathlib import Path
from typing import Final

MOST_BYTES: Final = 10 * 1024 * 1024
KEPT: Final = 3
"""Files besides the current one: `server.log.1` is the latest of them."""


class Rotation:
    """Appends lines to a file; a full one is put aside. What cannot be written is dropped and counted."""

    def __init__(self, path: Path, most: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._most = most
        self._kept = kept
        self._rest = b""
        self.dropped = 0

    def write(self, data: bytes) -> None:
        """Write whole lines; keep the beginning of one for the next time."""
        lines, newline, self._rest = (self._rest + data).rpartition(b"\n")
        if len(self._rest) > self._most:
            lines, newline, self._rest = self._rest, b"\n", b""
        if newline:
            self._append(lines + newline)

    def close(self) -> None:
        """Write what is left."""
        if self._rest:
            self._append(self._rest + b"\n")
            self._rest = b""

    def _append(self, data: bytes) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size + len(data) > self._most:
                self._turn()
            with self._path.open("ab") as file:
                file.write(data)
        except OSError:
            self.dropped += data.count(b"\n")

    def _turn(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._aside(number - 1)
            if older.exists():
                older.replace(self._aside(number))

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64 * 1024))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
