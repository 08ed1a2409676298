"""An instance: one container of a revision, started, asked by probes, and ended as Cloud Run ends it."""

import asyncio
import json
import re
import shutil
import signal
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .planned import Probe, Revision

GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Usage:
    """What a server used: the most bytes that were resident, and seconds of a processor."""

    memory: int
    seconds: float


class Engine(Protocol):
    """A way to run an instance: as a process of this host, or as a container."""

    name: str

    async def start(
        self, revision: Revision, environment: Mapping[str, str], mounts: Mapping[str, tuple[Path, bool]]
    ) -> Process:
        """Start it; `mounts` are path -> folder of the host, and whether it is read-only."""

    async def send(self, process: Process, number: signal.Signals) -> None:
        """Send a signal to the server."""

    async def usage(self, process: Process) -> Usage:
        """Return what the server used so far."""


class Instance:
    """One instance; `slots` is how many more requests it takes."""

    def __init__(self, engine: Engine, revision: Revision, port: int) -> None:
        self.engine, self.revision, self.port = engine, revision, port
        self.slots = revision.concurrency
        self.busiest = self.at_work = 0
        self.log: list[str] = []
        self.events: list[str] = []
        self.mounts: dict[str, tuple[Path, bool]] = {}
        self.ready_seconds = 0.0
        self.code: int | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, environment: Mapping[str, str], mounts: Mapping[str, tuple[Path, bool]]) -> None:
        """Start it and wait for the startup probe; raises RuntimeError with the end of its log."""
        self.mounts = dict(mounts)
        self.begun = time.monotonic()
        self.process = await self.engine.start(self.revision, environment, mounts)
        self._reader = asyncio.create_task(self._read())
        probe = self.revision.startup
        await asyncio.sleep(probe.delay)
        for _ in range(probe.failures):
            # Cloud Run asks again as soon as the period is over; a refused connection is a failure as any.
            asked = time.monotonic()
            if await self._settled(probe, asked + probe.period):
                self.ready_seconds = time.monotonic() - self.begun
                self._tasks.append(asyncio.create_task(self._live()))
                return
            if self.process.returncode is not None:
                break
        await self.stop()
        raise RuntimeError("the instance did not start: " + " | ".join(self.log[-5:]))

    async def stop(self) -> None:
        """Send SIGTERM, after ten seconds SIGKILL."""
        for task in self._tasks:
            task.cancel()
        begun = time.monotonic()
        if self.process.returncode is None:
            await self.engine.send(self.process, signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), GRACE_SECONDS)
                self.events.append("ended by itself")
            except TimeoutError:
                await self.engine.send(self.process, signal.SIGKILL)
                await self.process.wait()
                self.events.append("killed")
        self.end_seconds = time.monotonic() - begun
        self.code = self.process.returncode
        await self._reader
        for folder, _ in self.mounts.values():
            shutil.rmtree(folder, ignore_errors=True)

    async def usage(self) -> Usage:
        """Return what it used so far."""
        return await self.engine.usage(self.process)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of its log that are JSON."""
        return [json.loads(line) for line in self.log if line.startswith("{")]

    async def asked(self, probe: Probe) -> bool:
        """Ask it what a probe asks."""
        try:
            return await asyncio.wait_for(self._ask(probe.path), probe.timeout)
        except (OSError, ValueError, IndexError, TimeoutError):
            return False

    async def _settled(self, probe: Probe, until: float) -> bool:
        """Ask for one period; often, so that what is measured is the server and not the probe's pace."""
        while time.monotonic() < until and self.process.returncode is None:
            if await self.asked(probe):
                return True
            await asyncio.sleep(0.02)
        return False

    async def _ask(self, path: str) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = ["Host: localhost", "User-Agent: GoogleHC/1.0", "Connection: close"]
            writer.write("\r\n".join([f"GET {path} HTTP/1.1", *head, "", ""]).encode())
            return re.match(rb"HTTP/1\.1 [23]\d\d ", await reader.readline()) is not None
        finally:
            writer.close()

    async def _live(self) -> None:
        probe, failed = self.revision.liveness, 0
        while failed < probe.failures:
            await asyncio.sleep(probe.period)
            failed = 0 if await self.asked(probe) else failed + 1
        self.events.append("liveness failed")
        await self.engine.send(self.process, signal.SIGKILL)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(line.decode(errors="replace").rstrip())
        await self.process.wait()


async def started(*command: str, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program whose output is an instance's log."""
    return await asyncio.create_subprocess_exec(
        *command, env=None if environment is None else dict(environment), stdout=PIPE, stderr=STDOUT
    )
