"""The report of an experiment: one HTML file that needs nothing but itself."""

from pathlib import Path

from scoring.draft import drafted

from experiment.measure import measure
from experiment.report.metrics import metrics
from experiment.report.page import compose
from experiment.result import Result

__all__ = ["metrics", "write"]


def write(result: Result, artifact_path: str | Path | None, path: str | Path) -> None:
    """Write the report of `result` to `path`, replacing a file there in one step.

    With `artifact_path` the artifact is loaded and measured, which takes a few seconds. Apart from what is
    measured the same result gives the same bytes. Raises `scoring.Problem` where the file cannot be written,
    leaving an old one as it was, and where the artifact is not sound.
    """
    measured = None if artifact_path is None else measure(artifact_path)
    page = compose(result, measured).encode()
    with drafted(path) as draft:
        draft.write_bytes(page)
