"""Verification that a loaded artifact still answers what it answered when it was packed."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring._engine import Matrix
from scoring.artifact import Artifact
from scoring.columns import Columns
from scoring.fault import Faults
from scoring.problem import Problem
from scoring.reader import reader

if TYPE_CHECKING:
    from scoring.scorer import Scorer


@dataclass(frozen=True)
class Verification:
    """What was checked and what was found."""

    digest: str
    rows: int
    """Sample rows scored again, each in a batch and alone."""
    members: int
    """Members whose digest was computed again."""
    faults: tuple[str, ...]
    """What differs, in words; empty when all is well."""

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain data."""
        return {"ok": self.ok, **asdict(self), "faults": list(self.faults)}


def verify(scorer: "Scorer") -> Verification:
    """Check every digest again, also that of the file if any, and re-score the samples bit for bit."""
    artifact = scorer.artifact
    faults = []
    try:
        Artifact.read(artifact.data)  # the members' digests and the id
    except Problem as problem:
        faults.append(str(problem))
    if artifact.path is not None and artifact.path.exists() and _digest(artifact.path) != scorer.digest:
        faults.append(f"The file {str(artifact.path)!r} has changed since it was loaded.")
    rows = artifact.samples["rows"]
    if rows:
        faults += _rescore(scorer, rows)
    return Verification(scorer.digest, len(rows), len(artifact.manifest.members), tuple(faults))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rescore(scorer: "Scorer", rows: Sequence[Sequence[str]]) -> list[str]:
    schema, unread = scorer.schema, Faults()
    columns = Columns.of(schema.names, tuple(reader(field) for field in schema))
    X = columns.matrix(rows, unread, range(len(rows)))
    if unread:
        return [f"The sample rows do not fit the schema: {unread.problem().detail}"]
    lines = X.tolist()
    samples = scorer.artifact.samples
    faults = []
    for what, expected, raw_score in (
        ("raw score", samples["raw"], True),
        ("output", samples["output"], False),
    ):
        found = scorer.engine.scores(X, raw_score).tolist()
        for row, (want, got) in enumerate(zip(expected, found, strict=True)):
            alone = scorer.engine.scores(Matrix([lines[row]]), raw_score).tolist()
            if want != got or [want] != alone:
                faults.append(f"The {what} of sample row {row} is {got}, expected {want}.")
    return faults
