"""Processes: who one is, so that a number that the system gave to another one is never taken for it."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_BOOT: Final = _PROC / "sys/kernel/random/boot_id"
_DEAD: Final = ("Z", "X")
_LOOK: Final = 0.05


@dataclass(frozen=True)
class Process:
    """A process by its number and by when it started, which together belong to it alone."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Process":
        """Return the process that has this number now."""
        return cls(pid, _started(pid) or "")

    @property
    def alive(self) -> bool:
        """Whether it still runs; a dead one that nobody has waited for does not."""
        return bool(self.started) and _started(self.pid) == self.started

    def send(self, number: int, group: bool = False) -> None:
        """Send a signal, to the whole process group if `group`; nothing happens if it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait until it is gone, at most so long; return whether it is."""
        end = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK)
        return True

    def end(self, seconds: float, group: bool = False) -> None:
        """End it with SIGTERM, or with SIGKILL if it has not gone after some time."""
        self.send(signal.SIGTERM)
        if not self.wait(seconds):
            self.send(signal.SIGKILL, group)
            self.wait(seconds)


def _started(pid: int) -> str | None:
    """Return when a process started, in a form that says nothing but sameness; None if there is none."""
    if _BOOT.exists():
        try:
            words = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if words[0] in _DEAD else f"{_BOOT.read_text().strip()} {words[19]}"
    asked = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, when = asked.stdout.strip().partition(" ")
    return when.strip() or None if state[:1] not in _DEAD else None
