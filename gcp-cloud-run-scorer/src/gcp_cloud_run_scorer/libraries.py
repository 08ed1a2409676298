"""Libraries: what the image's Python imports, laid out for one processor on any machine."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployment import library

_PYTHON: Final = "3.11"
"""The Python of the Dockerfile's base."""


@dataclass(frozen=True, slots=True)
class Arch:
    """A processor: as images and as wheels call it."""

    image: str
    wheel: str


PLATFORMS: Final = {
    "x86_64": Arch("amd64", "x86_64"),
    "aarch64": Arch("arm64", "aarch64"),
}


def install(folder: Path, target: Path, arch: Arch, download: bool = False) -> None:
    """Install what the template in `folder` depends on into the directory `target`: whole, or not at all.

    Our own wheels come from vendor/, never from an index, where anybody may have taken their names.
    `download` adds google-cloud-storage.

    Raises:
        Problem: vendor/ lacks a wheel, or the installation failed.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        library.install(folder, draft, arch.wheel, _PYTHON, "download" if download else None)
        _strip(draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


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
