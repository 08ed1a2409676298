"""Loading: the bytes of an artifact -> a scoring pipeline that has shown that it scores."""

from typing import Any, cast

from scoring import contract
from scoring._engine import Pipeline
from scoring.artifact import Artifact
from scoring.problem import Problem
from scoring.scorer import Scorer
from scoring.settings import Settings
from scoring.verification import verify

from server.call import Served
from server.clock import TimedEngine


class _TimedScorer(Scorer):
    """A scorer whose engine keeps the time."""

    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact)
        self.engine = cast(Pipeline, TimedEngine(self.engine))
        self._predict = self.engine.predict


def load(data: bytes, settings: Settings) -> Served:
    """Load an artifact and test it: its digests, its samples bit for bit, and a request of the contract.

    Raises:
        Problem: the artifact is refused or does not answer what it answered when it was packed.
    """
    scorer = _TimedScorer(Artifact.read(data))
    found = verify(scorer)
    if not found.ok:
        hint = "Pack the scoring pipeline again, and check this machine's memory and processor."
        raise Problem("artifact_invalid", 503, f"The self-test failed: {found.faults[0]}", hint)
    contract.answer(scorer, contract.sample_request(scorer), settings)
    identifier = contract.identifier(scorer, settings)
    headers = _headers(identifier, scorer.digest)
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return Served(scorer, settings, scorer.digest, identifier, headers, lines)


def _headers(identifier: str, digest: str) -> tuple[tuple[bytes, bytes], ...]:
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in identifier)
    return ((b"x-pipeline-id", shown.encode()), (b"x-pipeline-digest", digest.encode()))


def card(served: Served) -> dict[str, Any]:
    """Return what the admin routes and the log say of a scoring pipeline."""
    return {"id": served.id, "digest": served.digest, "name": served.scorer.name}
