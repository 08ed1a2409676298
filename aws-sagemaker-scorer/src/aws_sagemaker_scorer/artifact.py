"""The artifact: the one file that SageMaker has unpacked from model.tar.gz."""

from pathlib import Path
from typing import Final

from scoring.problem import Problem

PLACE: Final = "/opt/ml/model"
"""Where SageMaker unpacks the model data of an endpoint."""

_PLACEHOLDER: Final = "placeholder.pipeline"


def found(folder: Path) -> Path:
    """Return the artifact in a directory; raises Problem unless there is exactly one."""
    paths = sorted(folder.rglob("*.pipeline")) if folder.is_dir() else []
    if len(paths) != 1:
        detail = f"There are {len(paths)} files *.pipeline in {str(folder)!r}, expected one."
        hint = "model.tar.gz holds the artifact alone: `make package` makes such a file."
        raise Problem("artifact_unreadable", 503, detail, hint)
    return paths[0]


def placeholder() -> Path:
    """Return the artifact that a container for many models loads before SageMaker has named any.

    It is the example, which shows that this image can score; no route of such a container leads to it.
    """
    inside = Path(__file__).parent / _PLACEHOLDER
    return inside if inside.is_file() else Path(__file__).parents[2] / "example" / "cooler.pipeline"
