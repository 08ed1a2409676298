"""A container engine for tests: Dockerfiles are built with buildah and images run with podman.

Storage is the tests' own, kept between runs, so that nothing of the user's images is touched. Containers
share the host's network and listen on its loopback interface.
"""

import json
import os
import resource
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 16384), "nproc": (resource.RLIMIT_NPROC, 4096)}


@dataclass(frozen=True)
class Container:
    """A container that was started."""

    engine: "Engine"
    name: str

    def inspect(self) -> dict[str, Any]:
        """Return what the engine knows of it."""
        found: list[dict[str, Any]] = json.loads(self.engine.podman("container", "inspect", self.name))
        return found[0]

    @property
    def running(self) -> bool:
        return bool(self.inspect()["State"]["Running"])

    @property
    def pid(self) -> int:
        """The process in the container with the id 1, as the host numbers it."""
        return int(self.inspect()["State"]["Pid"])

    def logs(self) -> str:
        return self.engine.podman("logs", self.name, both=True)

    def healthy(self) -> bool:
        """Run the image's HEALTHCHECK now; return whether it went well."""
        return self.engine.attempt("healthcheck", "run", self.name).returncode == 0

    def stop(self, seconds: int = 20) -> int:
        """Send SIGTERM, SIGKILL after that many seconds; return the exit code."""
        self.engine.podman("stop", "--time", str(seconds), self.name)
        return int(self.inspect()["State"]["ExitCode"])

    def wait(self, ready: Callable[[], bool], seconds: float = 30) -> "Container":
        """Wait until something holds; fails with the container's log."""
        end = time.monotonic() + seconds
        while not ready():
            assert self.running, self.logs()
            assert time.monotonic() < end, self.logs()
            time.sleep(0.1)
        return self


class Engine:
    """Builds and runs; `folder` has the images."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        for program in ("podman", "buildah"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        if os.geteuid() != 0:
            pytest.skip("the container engine of the tests wants root")
        self._scratch = scratch
        self._storage = [
            *("--root", str(folder / "storage"), "--runroot", str(folder / "run")),
            *("--storage-driver", "overlay"),
        ]
        self._environment = {**os.environ, "CONTAINERS_CONF": str(self._configuration())}
        if self.attempt("info").returncode:
            pytest.skip(f"podman does not work here: {self.attempt('info').stderr[-300:]}")

    def _configuration(self) -> Path:
        """Write a configuration that needs no right beyond root's own: neither systemd nor raised limits."""
        limits = []
        for name, (which, wanted) in _LIMITS.items():
            most = resource.getrlimit(which)[1]
            value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            limits.append(f'"{name}={value}:{value}"')
        runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
        path = self._scratch / "containers.conf"
        path.write_text(
            f"[containers]\ndefault_ulimits = [{', '.join(limits)}]\n"
            f'[engine]\n{runtime}cgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        )
        return path

    def attempt(self, *words: str, program: str = "podman") -> subprocess.CompletedProcess[str]:
        """Run the engine's command, whatever comes of it."""
        return subprocess.run(
            [program, *self._storage, *words],
            env=self._environment, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip

    def podman(self, *words: str, both: bool = False) -> str:
        """Run the engine's command; return what it printed, on standard error too if `both`."""
        done = self.attempt(*words)
        assert done.returncode == 0, f"podman {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if both else "")

    def buildah(self, *words: str) -> str:
        """Run the builder's command; return what it printed."""
        done = self.attempt(*words, program="buildah")
        assert done.returncode == 0, f"buildah {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        return self.attempt("image", "exists", image).returncode == 0

    def load(self, name: str, tar: Path, prepare: Callable[[Path], None]) -> str:
        """Make an image of a tar of files, which `prepare` may change before; return its name."""
        container = self.buildah("from", "scratch")
        try:
            self.buildah("add", "--quiet", container, str(tar), "/")
            prepare(Path(self.buildah("mount", container)))
            self.buildah("umount", container)
            path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
            self.buildah("config", "--env", path, "--cmd", '["python3"]', container)
            self.buildah("commit", "--quiet", container, name)
        finally:
            self.buildah("rm", container)
        return name

    def build(self, context: Path, tag: str, *options: str) -> str:
        """Build the Dockerfile of a folder, unchanged; return the image's name.

        Packages may be installed from the host's index, with the host's certificates.
        """
        settings = self._scratch / "pip.conf"
        settings.write_text(_pip_settings())
        mounts = ["--volume", f"{settings}:/etc/pip.conf:ro"]
        if CERTIFICATES.is_file():
            mounts += ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
        how = ["--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker", "--layers"]
        self.buildah("bud", *how, *mounts, *options, "-t", tag, str(context))
        return tag

    def image(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of an image; `Size` is in bytes."""
        found: list[dict[str, Any]] = json.loads(self.podman("image", "inspect", name))
        return found[0]

    @contextmanager
    def run(
        self,
        image: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
        options: Sequence[str] = (),
    ) -> Iterator[Container]:
        """Run an image as a careful operator would: read-only, without capabilities; removed at the end.

        `mounts` are files and folders of the host to see in the container, read-only. `options` are more of
        podman's, such as `--memory 256m`.
        """
        name = f"scoring-test-{uuid.uuid4().hex[:12]}"
        words = ["run", "--detach", "--name", name, "--network", "host", "--read-only"]
        words += ["--cap-drop", "all", "--security-opt", "no-new-privileges"]
        for variable, value in (environment or {}).items():
            words += ["--env", f"{variable}={value}"]
        for source, target in (mounts or {}).items():
            words += ["--volume", f"{source}:{target}:ro"]
        try:
            self.podman(*words, *options, image, *command)
            yield Container(self, name)
        finally:
            self.attempt("rm", "--force", "--time", "0", name)

    def remove(self, image: str) -> None:
        """Remove an image and what only it used."""
        self.attempt("image", "rm", "--force", image)
        self.attempt("image", "prune", "--force")


def _pip_settings() -> str:
    lines = ["[global]", "disable-pip-version-check = true", "timeout = 180"]
    if CERTIFICATES.is_file():
        lines.append(f"cert = {CERTIFICATES}")
    index = os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_DEFAULT_INDEX")
    if index:
        lines.append(f"index-url = {index}")
    return "\n".join(lines) + "\n"
