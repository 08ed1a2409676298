"""The report of an experiment: one HTML file that needs nothing but itself."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from experiment.measure import measure
from experiment.report.metrics import metrics
from experiment.report.page import compose
from experiment.result import Result

__all__ = ["metrics", "write"]


def write(result: Result, artifact_path: str | Path | None, path: str | Path) -> None:
    """Write the report of `result` to `path`, replacing a file there in one step.

    With `artifact_path` the artifact is loaded and measured, which takes a few seconds. Apart from what is
    measured the same result gives the same bytes. Raises OSError where the file cannot be written, leaving an
    old one as it was, and `scoring.Problem` where the artifact is not sound.
    """
    measured = None if artifact_path is None else measure(artifact_path)
    page = compose(result, measured).encode()
    target = Path(path)
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as draft:
        try:
            draft.write(page)
            draft.close()
            Path(draft.name).chmod(_mode())
            Path(draft.name).replace(target)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def _mode() -> int:
    """Return the permissions of a new file; a temporary one is its owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
