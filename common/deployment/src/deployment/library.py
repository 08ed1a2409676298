"""Libraries: what a template depends on, laid out for one processor, whatever machine does it.

Our own wheels come from vendor/, never from an index, where anybody may have taken their names. Others have
the versions that are installed here, which are those that were tested.
"""

import importlib.metadata
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from scoring.problem import Problem

from deployment.vendor import find_uv

_GLIBC = "2_28"  # of the oldest images and machines that are deployed to
_SHOWN = 1500  # last characters of what the installer said


def install(
    folder: Path, target: Path, arch: str | None = None, python: str | None = None, extra: str | None = None
) -> None:
    """Install what the template in `folder` depends on into the directory `target`.

    It is for Linux on a processor (`arch`, such as aarch64) and a Python (such as 3.11); without them for the
    Python that runs this. `extra` names optional dependencies that come along.

    Raises:
        Problem: vendor/ lacks a wheel, or the libraries cannot be installed.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]
    wanted = [own_wheel(folder, each, arch) if each.startswith("scoring-") else each for each in needed]
    command = [find_uv(folder), "pip", "install", "--quiet", "--python", sys.executable]
    command += ["--target", str(target), "--link-mode", "copy", "--only-binary", ":all:"]
    command += ["--find-links", str(folder / "vendor")]
    command += ["--python-platform", f"{arch}-manylinux_{_GLIBC}"] if arch else []
    command += ["--python-version", python] if python else []
    with tempfile.TemporaryDirectory() as scratch:
        versions = Path(scratch) / "versions.txt"
        versions.write_text("".join(sorted(set(_tested()))), "utf-8")
        command += ["--constraints", str(versions), *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        what = f" for {arch}" if arch else ""
        detail = f"The libraries{what} cannot be installed: {done.stderr.strip()[-_SHOWN:]}"
        raise Problem("package_failed", 500, detail, "Check vendor/ and the package index.")


def own_wheel(folder: Path, requirement: str, arch: str | None = None) -> str:
    """Return the path of the wheel in vendor/ that a requirement of ours means; raises Problem."""
    stem = re.split(r"[<>=!~ ;]", requirement)[0].replace("-", "_")
    processor = arch or platform.machine()
    for pattern in (f"{stem}-*-any.whl", f"{stem}-*{processor}.whl"):
        for wheel in sorted((folder / "vendor").glob(pattern), reverse=True):
            return str(wheel)
    detail = f"vendor/ has no wheel of {stem.replace('_', '-')} for {processor}."
    raise Problem("vendor_missing", 400, detail, "Run `make package`, which puts it there.")


def _tested() -> Iterator[str]:
    """Give the versions of other people's distributions that are installed here, as constraints."""
    for found in importlib.metadata.distributions():
        if not found.name.startswith("scoring-") and not found.name.endswith("-scorer"):
            yield f"{found.name}=={found.version}\n"
