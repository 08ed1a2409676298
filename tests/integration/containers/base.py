"""The base image of the templates' Dockerfiles, made from the system's own packages where none can be pulled.

The substitute bears the name of the official image, so that a Dockerfile builds unchanged on it. It is
Debian with Debian's Python, which shows the Dockerfile's instructions, paths, user and start, and not the
official bytes.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PYTHON = "docker.io/library/python:3.11-slim"
_SUITE = "bookworm"
"""The Debian release whose python3 is 3.11."""

_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")
_UNWANTED = ("doc", "info", "locale", "man")
_MINUTES = 8


def cache() -> Path:
    """Return the folder where big things are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "scoring-tests"


def root_files() -> Path:
    """Return a tar of the base image's files, made once; skips the test where it cannot be made."""
    kept = cache() / f"{_SUITE}-python.tar"
    if kept.is_file():
        return kept
    if shutil.which("mmdebstrap") is None:
        pytest.skip(f"no image {PYTHON}, and mmdebstrap, which would make one, is not installed")
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_name(f".{kept.name}.{os.getpid()}.tar")
    leave_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _UNWANTED]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}", *leave_out]
    try:
        done = subprocess.run(
            [*command, _SUITE, str(draft)], capture_output=True, text=True, timeout=60 * _MINUTES, check=False
        )
        if done.returncode:
            pytest.skip(f"mmdebstrap cannot make a base image here: {done.stderr[-300:]}")
        draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)
    return kept


def like_the_official(files: Path) -> None:
    """Put Python where the official image has it, and let pip install as it does there."""
    for name in ("python", "python3", "python3.11"):
        (files / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
    for name in ("pip", "pip3"):
        (files / "usr/local/bin" / name).symlink_to("/usr/bin/pip3")
    for marker in files.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
