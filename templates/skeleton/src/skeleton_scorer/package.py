"""Packaging: `build/package.zip` with all that the target imports, the same bytes from the same inputs.

Our own wheels come from vendor/, never from an index, where anybody may have taken their names. Others have
the versions that are installed here, which are those that were tested.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployment.archive import members, zipped
from deployment.library import install
from scoring.draft import drafted
from scoring.problem import Problem

PACKAGE: Final = "build/package.zip"
INTERPRETER: Final = "build/python"
"""The file that says which Python the package is for."""


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Make what `terraform apply` needs of the template in `folder`; return the files.

    Raises:
        Problem: an option is not known, a wheel is missing, or the libraries cannot be installed.
    """
    if options:
        detail = f"There is no option {', '.join(options)}."
        raise Problem("option_unknown", 400, detail, "The package is for the machine that makes it.")
    target = folder / PACKAGE
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        install(folder, tree)
        content = zipped(dict(members(tree)) | dict(members(folder / "src")))
    target.parent.mkdir(exist_ok=True)
    with drafted(target) as draft:
        draft.write_bytes(content)
    interpreter = folder / INTERPRETER
    interpreter.write_text(f"{sys.executable}\n", "utf-8")
    return [target, interpreter]
