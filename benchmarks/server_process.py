"""Servers as processes on one processor, and the load generator on another one."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from server_rivals import HERE, ROOM, Absent, Rival

_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = _CORES[0], _CORES[-1]
_TICKS = os.sysconf("SC_CLK_TCK")
_SETTLE_SECONDS = 0.25


def generator() -> Path:
    """Return the load generator, built anew if its source is newer."""
    source, program = HERE / "load.c", ROOM / "load"
    ROOM.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program


def save(name: str, requests: Sequence[bytes]) -> Path:
    """Write requests as the load generator reads them."""
    path = ROOM / f"{name}.requests"
    path.write_bytes(b"".join(b"%08d%b" % (len(request), request) for request in requests))
    return path


class Running:
    """A server that was started and has answered its first request."""

    def __init__(self, rival: Rival, port: int, probe: bytes) -> None:
        self.rival, self.port = rival, port
        self._probe = probe
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by stop
        environment = {**os.environ, **rival.environment}
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *rival.command(port)],
            env=environment, cwd=rival.folder, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - begun

    def _wait(self) -> None:
        end = time.monotonic() + self.rival.patience
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                self._log.seek(0)
                words = self._log.read().decode(errors="replace").strip().splitlines() or ["nothing said"]
                raise Absent(f"did not start: {words[-1][:150]}")
            if self._answers():
                return
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket() as opened, suppress(OSError):
            opened.settimeout(5)
            opened.connect(("127.0.0.1", self.port))
            opened.sendall(self._probe)
            return b" 200 " in opened.recv(1024)[:20]
        return False

    def load(
        self, requests: Path, connections: int, seconds: float, rate: float = 0.0, limit: float = 30.0
    ) -> dict[str, Any]:
        """Ask for some seconds; return what the generator found, and the CPU seconds that the server used."""
        words = [str(self.port), str(requests), str(connections), str(seconds), f"{rate:.3f}", str(limit)]
        before = self.cpu()
        done = subprocess.run(
            ["taskset", "-c", str(CLIENT_CORE), str(generator()), *words],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        found["cpu"] = self.cpu() - before
        return found

    def cpu(self) -> float:
        """Return the CPU seconds, user and system, of the server's processes so far."""
        ticks = 0
        for pid in self.family():
            with suppress(OSError):
                words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(words[11]) + int(words[12])
        return ticks / _TICKS

    def memory(self) -> tuple[int, int]:
        """Return the resident bytes of the server's processes, all and with shared pages split (PSS)."""
        resident = shared = 0
        for pid in self.family():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Rss:"):
                        resident += int(line.split()[1]) * 1024
                    elif line.startswith("Pss:"):
                        shared += int(line.split()[1]) * 1024
        return resident, shared

    def family(self) -> list[int]:
        """Return the ids of the server's process and all below it."""
        found, wave = [self.process.pid], [self.process.pid]
        while wave:
            below = []
            for pid in wave:
                for task in Path(f"/proc/{pid}/task").glob("*/children"):
                    with suppress(OSError):
                        below += [int(word) for word in task.read_text().split()]
            found += below
            wave = below
        return found

    def pause(self) -> None:
        """Hold the server's processes: an idle server still wakes up, collects and compiles."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server's processes go on, and wait until they have done what they were late for."""
        self._signal(signal.SIGCONT)
        time.sleep(_SETTLE_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.family():
            with suppress(OSError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End the server and what it started."""
        self._signal(signal.SIGCONT)
        family = self.family()
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        for pid in family:
            with suppress(OSError):
                if os.getpgid(pid) == self.process.pid:
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()
