"""A memory limit for one sandbox, by whichever cgroup version the machine has."""

import contextlib
from pathlib import Path
from time import monotonic, sleep, time

V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")
STALE_S = 120  # a sandbox that starts enters its group long before


class Memory:
    """A cgroup that holds a process and its children below a limit; without one, nothing is limited."""

    def __init__(self, name: str, limit_mb: int) -> None:
        self._group: Path | None = None
        v1 = (V1 / "memory.limit_in_bytes").exists()
        if not v1 and "memory" not in _read(V2 / "cgroup.subtree_control").split():
            return
        group = (V1 if v1 else V2) / name
        _sweep(group.parent, name.partition("-")[0])
        try:
            group.mkdir()
            self._group = group
            limit = group / ("memory.limit_in_bytes" if v1 else "memory.max")
            limit.write_text(str(limit_mb << 20))
        except OSError:
            self.remove()

    @property
    def door(self) -> Path | None:
        """The file through which a process enters the group by writing 0, before it has children."""
        return self._group / "cgroup.procs" if self._group is not None else None

    def peak_mb(self) -> float:
        """Give the most that was used, in MB; nan where nothing is measured."""
        if self._group is not None:
            for name in ("memory.max_usage_in_bytes", "memory.peak"):
                if text := _read(self._group / name):
                    return int(text) / 1e6
        return float("nan")

    def remove(self) -> None:
        """Remove the group once its processes have ended."""
        if self._group is not None:
            remove(self._group.name)
            self._group = None


def remove(name: str) -> None:
    """Remove the group of a sandbox that has ended, if there is one."""
    for group in (V1 / name, V2 / name):
        end = monotonic() + 2
        while group.exists() and monotonic() < end:
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            sleep(0.01)  # the kernel is still taking the last process apart


def _sweep(folder: Path, prefix: str) -> None:
    """Remove groups that a killed run left behind; the kernel keeps those that still hold a process."""
    for group in folder.glob(f"{prefix}-*"):
        with contextlib.suppress(OSError):
            if time() - group.stat().st_mtime > STALE_S:
                group.rmdir()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
