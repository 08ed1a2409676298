"""Packages that only some tests want, in a folder of the tests' cache; the environment stays as it is."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoring-tests"


def installed(name: str, *words: str) -> Path:
    """Give the folder `name` with the packages that `words` ask uv for; skips where they cannot be had."""
    place = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:  # another process may be about to install the same
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            _install(place, words)
    return place


def _install(place: Path, words: tuple[str, ...]) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.prefix).parent / ".uv" / "bin"))
    if uv is None:
        pytest.skip(f"uv, which installs {' '.join(words)}, was not found")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        draft = Path(folder) / "draft"
        command = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            sys.executable,
            "--target",
            str(draft),
            *words,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{' '.join(words)} cannot be installed here: {done.stderr.strip()[-300:]}")
        draft.rename(place)
