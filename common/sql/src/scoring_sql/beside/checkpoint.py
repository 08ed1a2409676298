"""Checkpoints: how far a job is, in a row of the target that is committed with the scores."""

from dataclasses import dataclass
from typing import Final

TABLE: Final = "scoring_jobs"
"""Holds a row for each job, in the schema of the table that is written."""

RUNNING, FINISHED = "running", "finished"

COLUMNS: Final = (
    "job VARCHAR(16) NOT NULL PRIMARY KEY, pipeline VARCHAR(64) NOT NULL, target VARCHAR(512) NOT NULL, "
    "run VARCHAR(32) NOT NULL, state VARCHAR(16) NOT NULL, done BIGINT NOT NULL, last_key TEXT, "
    "changed VARCHAR(32) NOT NULL"
)


@dataclass(frozen=True)
class Checkpoint:
    """How far a job is."""

    state: str
    """running or finished."""
    rows: int
    last_key: str | None
    """The key of the last row that is committed, as `key.encode` writes it; None before the first."""
