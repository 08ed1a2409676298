"""Packaging: this template, the server and all that it needs -> one executable file, always the same bytes.

`build/requirements.txt` names the third-party distributions in it for the image.
"""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployment.bundle import bundle
from scoring.draft import drafted
from scoring.problem import Problem

from local_rest_scorer.program import MANIFEST, made_for

OWN: Final = ("scoring-core", "scoring-server")
PACKAGE: Final = "build/server.pyz"
PINS: Final = "build/requirements.txt"

_MAIN: Final = b"from local_rest_scorer.program import main\n\nraise SystemExit(main())\n"


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Make what `terraform apply` and the image need; return the files.

    Raises:
        Problem: an option is not known, or a wheel or a distribution is missing.
    """
    if options:
        detail = f"There is no option {', '.join(options)}: the package is for the machine that makes it."
        raise Problem("option_unknown", 422, detail, "Leave it out.")
    target, pins = folder / PACKAGE, folder / PINS
    others = bundle(folder, target, OWN, {"__main__.py": _MAIN, MANIFEST: f"{made_for()}\n".encode()})
    with drafted(pins) as draft:
        versions = [f"{name}=={importlib.metadata.version(name)}\n" for name in others]
        draft.write_text("".join(versions), encoding="ascii")
    return [target, pins]
