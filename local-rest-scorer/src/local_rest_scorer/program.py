"""The program: how the package that `make package` makes, one executable file, runs itself.

Python imports its own code out of the file, but machine code has to lie in a directory. So whatever serves is
run from an unpacked copy in the server's place, which also keeps a running server apart from later packages.
"""

import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

from scoring.problem import Problem

from local_rest_scorer.__main__ import main as run_here
from local_rest_scorer.__main__ import parser
from local_rest_scorer.place import Place

MANIFEST: Final = "package.txt"
"""The member that says for which Python and platform the package was made."""

_SERVING: Final = ("run", "start")


def main() -> int:
    """Run the command line of the package, unpacked if it serves; return the exit code."""
    words = sys.argv[1:]
    options = parser().parse_args(words)
    if options.command not in _SERVING:
        return run_here(words)
    try:
        place = Place(options.state_dir, options.name)
        place.make()
        with place.lock():
            folder = unpacked(Path(sys.argv[0]).absolute(), place.program)
    except Problem as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    command = [sys.executable, "-P", "-m", "local_rest_scorer", *words]
    return os.execve(sys.executable, command, os.environ | {"PYTHONPATH": str(folder)})  # noqa: S606


def made_for() -> str:
    """Return what machine code in a package depends on."""
    return f"{sys.implementation.cache_tag} {sys.platform} {os.uname().machine}"


def unpacked(package: Path, programs: Path) -> Path:
    """Unpack a package below a directory, under its digest; return where. Done once for each package.

    Raises:
        Problem: it was made for another Python or platform.
    """
    digest = hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    folder = programs / digest
    with zipfile.ZipFile(package) as archive:
        wanted = archive.read(MANIFEST).decode().strip()
        if wanted != made_for():
            detail = f"The package is for {wanted}, but this is {made_for()}."
            raise Problem("package_unusable", 500, detail, "Run `make package` here.")
        if not folder.is_dir():
            draft = programs / f".{digest}.{os.getpid()}.part"
            try:
                archive.extractall(draft)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return folder
