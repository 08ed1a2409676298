"""Packaging: `build/package.zip`, all that the image imports, and model data, the same bytes each time.

Options: `arch` (x86_64 or aarch64, as the endpoint's instances are) and `pipeline`, the artifact whose model
data are made; the example by default.

Our own wheels come from vendor/, never from an index, where anybody may have taken their names. Others have
the versions that are installed here, which are those that were tested.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployment.archive import members, zipped
from deployment.library import install
from scoring.draft import drafted
from scoring.problem import Problem

from aws_sagemaker_scorer.model_data import model_data

PACKAGE: Final = "build/package.zip"

_ARCHS: Final = ("x86_64", "aarch64")
_PLACEHOLDER: Final = "aws_sagemaker_scorer/placeholder.pipeline"
_PYTHON: Final = "3.11"
"""The Python of the Dockerfile's base."""


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Make what `terraform apply` needs of the template in `folder`; return the files.

    Raises:
        Problem: an option is not known, a wheel is missing, or the libraries cannot be installed.
    """
    unknown = sorted(set(options) - {"arch", "pipeline"})
    if unknown:
        detail = f"There is no option {', '.join(unknown)}."
        raise Problem("option_unknown", 400, detail, "There are arch and pipeline.")
    arch = options.get("arch", "x86_64")
    if arch not in _ARCHS:
        raise Problem("option_invalid", 400, f"arch is {arch!r}.", f"It can be {' or '.join(_ARCHS)}.")
    example = folder / "example" / "cooler.pipeline"
    made = model_data(Path(options.get("pipeline") or example), folder / "build" / "models")
    target = folder / PACKAGE
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        install(folder, tree, arch, _PYTHON)
        content = dict(members(tree)) | dict(members(folder / "src")) | {_PLACEHOLDER: example.read_bytes()}
    target.parent.mkdir(exist_ok=True)
    with drafted(target) as draft:
        draft.write_bytes(zipped(content))
    return [target, *made]
