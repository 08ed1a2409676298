"""A 64-bit ARM machine in this one: qemu runs the processor's code, on the files of a Debian for it.

What is shown here is the code that the compiler made and the libraries around it. How fast it is is not.
"""

import compileall
import fcntl
import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import scoring
from deployment.template import Template
from deployment.vendor import vendor

HERE = Path(__file__).parent
SUITE = "bookworm"
"""The Debian release whose python3 is 3.11."""
PYTHON = "usr/bin/python3.11"
PACKAGES = ("ca-certificates", "libstdc++6", "python3")
MINUTES = 8


@dataclass(frozen=True)
class Machine:
    """Programs of this folder, run by the other processor's Python."""

    emulator: str
    root: Path
    """The files of a Debian for it; nothing in there is written."""

    def command(self, *words: str | Path) -> list[str]:
        """Give the command that runs Python there."""
        return [self.emulator, "-L", str(self.root), str(self.root / PYTHON), *map(str, words)]

    def run(
        self, program: str, *words: str | Path, path: Sequence[Path] = (), **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program of this folder to its end; `path` is what it imports from beside Python's own."""
        done = subprocess.run(
            self.command("-P", "-s", HERE / "guest" / program, *words),
            env=surroundings(path, variables), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done


def surroundings(path: Sequence[Path], variables: Mapping[str, str]) -> dict[str, str]:
    """Give an environment that holds nothing of this process's own."""
    python = os.pathsep.join(map(str, path))
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": python, "PYTHONDONTWRITEBYTECODE": "1", **variables}


@pytest.fixture(scope="session")
def machine() -> Machine:
    """A machine with 64-bit ARM; skips with a reason where there can be none."""
    if platform.machine() in ("aarch64", "arm64"):
        pytest.skip("this machine is one itself: all other tests show what this tier does")
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if emulator is None:
        pytest.skip("qemu-aarch64-static (qemu-user-static) is not installed")
    return Machine(emulator, _root())


@pytest.fixture(scope="session")
def guest() -> Path:
    """The programs that are run there."""
    return HERE / "guest"


@pytest.fixture(scope="session")
def core(machine: Machine, packaged: Callable[[str], Path], tmp_path_factory: Any) -> Path:
    """The core's wheel for ARM as templates carry it, unpacked."""
    (wheel,) = (packaged("aws-lambda-scorer") / "vendor").glob("scoring_core-*aarch64.whl")
    place: Path = tmp_path_factory.mktemp("core")
    shutil.unpack_archive(wheel, place, "zip")
    _compiled(place)
    return place


@pytest.fixture(scope="session")
def libraries(machine: Machine, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Cloud Run's template puts into an image for ARM: our wheels and the libraries that they need."""
    from gcp_cloud_run_scorer.libraries import PLATFORMS, install

    copy = tmp_path_factory.mktemp("cloud-run") / "gcp-cloud-run-scorer"
    left_out = shutil.ignore_patterns("build", "*.whl", "__pycache__", ".venv", ".uv", ".terraform*")
    shutil.copytree(root / copy.name, copy, ignore=left_out)
    vendor(Template.read(copy), print)
    target = copy / "build" / "image" / "arm64"
    try:
        install(copy, target, PLATFORMS["aarch64"])
    except scoring.Problem as problem:
        pytest.skip(f"the libraries for ARM cannot be had: {problem}")
    shutil.copytree(copy / "src", target, dirs_exist_ok=True)
    _compiled(target)
    return target


@pytest.fixture(scope="session")
def function(machine: Machine, packaged: Callable[[str], Path], tmp_path_factory: Any) -> Path:
    """The Lambda template's package as `make package` makes it when nothing is said, unzipped."""
    place: Path = tmp_path_factory.mktemp("task")
    shutil.unpack_archive(packaged("aws-lambda-scorer") / "build" / "function.zip", place)
    return place


@pytest.fixture(scope="session")
def example(root: Path) -> Path:
    """The folder with an artifact and a request for it."""
    return root / "aws-lambda-scorer" / "example"


@pytest.fixture(scope="session")
def scorer(example: Path) -> scoring.Scorer:
    """The artifact, loaded by this machine's engine."""
    return scoring.load(example / "cooler.pipeline")


@pytest.fixture(scope="session")
def request_body(example: Path) -> dict[str, Any]:
    """A request for the artifact."""
    document: dict[str, Any] = json.loads((example / "request.json").read_bytes())
    return document


def _root() -> Path:
    """Give the folder with a Debian for ARM, made once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoring-tests"
    kept = cache / f"{SUITE}-arm64"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            _make(kept)
    return kept


def _make(kept: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap, which would make a Debian for ARM, is not installed")
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        tar, draft = Path(folder) / "root.tar", Path(folder) / "root"
        # Extracted and not configured: that would run its programs.
        command = ["mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract"]
        command += [f"--include={','.join(PACKAGES)}", "--dpkgopt=path-exclude=/usr/share/doc/*"]
        done = subprocess.run(
            [*command, SUITE, str(tar)], capture_output=True, text=True, timeout=60 * MINUTES, check=False
        )
        if done.returncode:
            pytest.skip(f"mmdebstrap cannot make a Debian for ARM here: {done.stderr[-300:]}")
        with tarfile.open(tar) as archive:
            files = [member for member in archive if not (member.isdev() or member.name.startswith("./dev/"))]
            archive.extractall(draft, files, filter="tar")
        _compiled(draft / "usr" / "lib" / "python3.11")
        draft.replace(kept)


def _compiled(folder: Path) -> None:
    """Compile modules, where this Python's bytecode is that one's: else each start would do it, slowly."""
    if sys.version_info[:2] == (3, 11):
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, force=True, invalidation_mode=mode)
