"""The two engines: the template's package as a process of this host, and its image as a container."""

import asyncio
import json
import os
import signal
import sys
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from .instance import Usage, started
from .planned import Revision

MODULE = "gcp_cloud_run_scorer"


class ProcessEngine:
    """Runs the installed package with buckets bound into a mount namespace of its own; wants root."""

    name = "process"

    def __init__(self, storage: str, python_path: str = "") -> None:
        self._more = {"STORAGE_EMULATOR_HOST": storage}
        if python_path:
            self._more["PYTHONPATH"] = python_path

    async def start(
        self, revision: Revision, environment: Mapping[str, str], mounts: Mapping[str, tuple[Path, bool]]
    ) -> Process:
        script = ["mount -t tmpfs tmpfs /mnt"]  # so that no folder is left on this host
        for path, (folder, read_only) in mounts.items():
            assert path.startswith("/mnt/"), path
            script += [f"mkdir -p {path}", f"mount --bind {folder} {path}"]
            script += [f"mount -o remount,ro,bind {path}"] if read_only else []
        command = [sys.executable, "-P", "-m", MODULE]
        if mounts:
            whole = " && ".join([*script, 'exec "$@"'])
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", whole, "sh", *command]
        clean = {"PATH": os.environ["PATH"], "HOME": "/", "PYTHONUNBUFFERED": "1"}
        return await started(*command, environment={**clean, **self._more, **environment})

    async def send(self, process: Process, number: signal.Signals) -> None:
        if process.returncode is None:
            process.send_signal(number)

    async def usage(self, process: Process) -> Usage:
        return usage(process.pid)


class ContainerEngine:
    """Runs the template's image with Podman: read-only, no capability, and `memory`, not the planned one."""

    name = "podman"

    def __init__(
        self, podman: Sequence[str], image: str, environment: Mapping[str, str], memory: str = "128m"
    ) -> None:
        self._podman, self._image, self._memory = list(podman), image, memory
        self._environment = dict(environment)
        self._names: dict[int, str] = {}

    async def start(
        self, revision: Revision, environment: Mapping[str, str], mounts: Mapping[str, tuple[Path, bool]]
    ) -> Process:
        name = f"cloud-run-{uuid.uuid4().hex[:12]}"
        words = [*self._podman, "run", "--rm", "--name", name, "--network", "host", "--read-only"]
        words += ["--cap-drop", "all", "--security-opt", "no-new-privileges"]
        words += ["--memory", self._memory, "--memory-swap", self._memory, "--cpus", revision.cpu]
        for path, (folder, read_only) in mounts.items():
            words += ["--volume", f"{folder}:{path}{':ro' if read_only else ''}"]
        for variable in environment:
            words += ["--env", variable]  # its value comes from the environment, not over a command line
        process = await started(*words, self._image, environment={**self._environment, **environment})
        self._names[process.pid] = name
        return process

    async def send(self, process: Process, number: signal.Signals) -> None:
        await self._run("kill", "--signal", number.name.removeprefix("SIG"), self._names[process.pid])

    async def usage(self, process: Process) -> Usage:
        found = json.loads(await self._run("container", "inspect", self._names[process.pid]))
        return usage(int(found[0]["State"]["Pid"]))

    async def _run(self, *words: str) -> bytes:
        done = await asyncio.create_subprocess_exec(
            *self._podman, *words, env=self._environment, stdout=PIPE, stderr=DEVNULL
        )
        return (await done.communicate())[0]


def usage(pid: int) -> Usage:
    """Return what a process used since it was started."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(int(line.split()[1]) * 1024, (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"))
