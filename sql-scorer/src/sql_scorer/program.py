"""The program: how the package that `make package` makes, one executable file, runs itself.

Python imports its own code out of the file, but machine code has to lie in a directory, so that is where the
package is unpacked to for as long as it runs.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

MANIFEST: Final = "package.txt"
"""The member that says for which Python and platform the package was made."""


def main() -> int:
    """Run the command line of the package, unpacked; return the exit code."""
    package = Path(sys.argv[0]).absolute()
    with tempfile.TemporaryDirectory(prefix="sql-scorer-") as folder, zipfile.ZipFile(package) as archive:
        wanted = archive.read(MANIFEST).decode().strip()
        if wanted != made_for():
            print(
                f"Error: The package is for {wanted}, but this is {made_for()}. Run `make package` here.",
                file=sys.stderr,
            )
            return 1
        archive.extractall(folder)
        command = [sys.executable, "-P", "-m", "sql_scorer", *sys.argv[1:]]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": folder}, check=False)
    return done.returncode


def made_for() -> str:
    """Return what machine code in a package depends on."""
    return f"{sys.implementation.cache_tag} {sys.platform} {os.uname().machine}"
