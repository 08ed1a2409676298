"""Libraries: what the image's Python imports, laid out for one processor on any machine."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scoring.problem import Problem

_PYTHON: Final = "3.11"
"""The Python of the Dockerfile's base."""


@dataclass(frozen=True, slots=True)
class Arch:
    """A processor: as images, as wheels and as `uv` call it."""

    image: str
    wheel: str
    platform: str


PLATFORMS: Final = {
    "x86_64": Arch("amd64", "x86_64", "x86_64-manylinux_2_28"),
    "aarch64": Arch("arm64", "aarch64", "aarch64-manylinux_2_28"),
}


def install(folder: Path, target: Path, arch: Arch, download: bool = False) -> None:
    """Install what the template in `folder` depends on into the directory `target`: whole, or not at all.

    Our own wheels come from vendor/, never from an index, where anybody may have taken their names.
    `download` adds google-cloud-storage.

    Raises:
        Problem: vendor/ lacks a wheel, or the installation failed.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *(project["optional-dependencies"]["download"] if download else ())]
    wanted = [_own(folder, text, arch) if text.startswith("scoring-") else text for text in needed]
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(_uv(folder), "pip", "install", "--quiet", "--target", str(draft)),
        *("--python-version", _PYTHON, "--python-platform", arch.platform, "--python", sys.executable),
        *("--only-binary", ":all:", "--link-mode", "copy"),
        *wanted,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            detail = f"The libraries for {arch.wheel} cannot be installed: {done.stderr.strip()[-1500:]}"
            raise Problem("package_failed", 500, detail, "Check vendor/ and the package index.")
        _strip(draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _own(folder: Path, requirement: str, arch: Arch) -> str:
    """Return the wheel in vendor/ that a requirement of ours means."""
    found = re.match(r"[a-z-]+", requirement)
    assert found is not None
    stem = found[0].replace("-", "_")
    for kind in (f"*{arch.wheel}", "*-any"):
        for wheel in sorted((folder / "vendor").glob(f"{stem}-{kind}.whl"), reverse=True):
            return str(wheel)
    detail = f"vendor/ has no wheel of {found[0]} for {arch.wheel}."
    raise Problem("vendor_missing", 400, detail, "Run `make package`, which puts it there.")


def _strip(folder: Path) -> None:
    """Remove what no scoring needs, and what differs from one installation to the next."""
    for path in [*folder.rglob("tests"), *folder.rglob("__pycache__"), folder / "bin"]:
        if path.is_dir():
            shutil.rmtree(path)
    for name in ("direct_url.json", "INSTALLER", "REQUESTED", "uv_cache.json", "uv_build.json", ".lock"):
        for path in folder.rglob(name):
            path.unlink()
    for record in folder.glob("*.dist-info/RECORD"):
        lines = [
            line
            for line in record.read_text("utf-8").splitlines()
            if (folder / line.split(",")[0]).is_file() or line.split(",")[0].endswith("RECORD")
        ]
        record.write_text("\n".join(sorted(lines)) + "\n", "utf-8")


def _uv(folder: Path) -> str:
    own = [str(place / ".uv" / "bin") for place in (folder, *Path(sys.prefix).parents)]
    found = shutil.which("uv") or shutil.which("uv", path=os.pathsep.join(own))
    if found is None:
        hint = "`make` fetches it; else see https://docs.astral.sh/uv/."
        raise Problem("uv_missing", 500, "There is no `uv` on the PATH.", hint)
    return found
