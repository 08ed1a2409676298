"""Copies: templates taken out of the checkout into empty directories, each with an environment of its own.

A copy is made once a run, by the first test that asks for it, whichever process runs that test.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deployment.replica import replicate
from deployment.template import Template
from once import once

DROPPED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTEST_ADDOPTS", "UV_PROJECT_ENVIRONMENT", "MAKEFLAGS", "MFLAGS")


def environment() -> dict[str, str]:
    """The user's: nothing of this checkout but where uv and Python are."""
    kept = {name: text for name, text in os.environ.items() if name not in DROPPED}
    own = str(Path(sys.prefix) / "bin")
    places = [place for place in kept["PATH"].split(os.pathsep) if place != own]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.prefix).parent / ".uv" / "bin"))
    if uv is not None and str(Path(uv).parent) != own:
        places.insert(0, str(Path(uv).parent))
    path = os.pathsep.join(places)
    return {**kept, "PATH": path, "UV_PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"}


def run(folder: Path, *command: str, timeout: float = 600) -> str:
    """Run a command there that has to succeed; gives what it said."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Copies:
    """The copies of one run; `folder` is shared by its processes, and its path has a blank."""

    folder: Path

    def of(self, template: Path) -> Path:
        """The copy of a template, ready to be used."""

        place = self._place(template)

        def make() -> str:
            replicate(Template.read(template), place, None, lambda _: None)
            return run(place, "make", "build/ready")

        once(place.with_name(f"{place.name}.ready"), make)
        return place

    def packaged(self, template: Path) -> tuple[Path, str]:
        """The same with its package made, and what `make package` said."""
        place = self.of(template)
        done = place.with_name(f"{place.name}.packaged")
        return place, once(done, lambda: run(place, "make", "package"))

    def _place(self, template: Path) -> Path:
        return self.folder / f"a copy of {template.name}"
