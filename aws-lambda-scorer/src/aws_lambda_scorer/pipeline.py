"""The pipeline: the deployment's artifact, fetched, verified, tested, and then answering."""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

from scoring import contract
from scoring.archive import MAX_BYTES
from scoring.artifact import Artifact
from scoring.draft import drafted
from scoring.manifest import BINOMIAL
from scoring.problem import Problem
from scoring.scorer import Scorer

from aws_lambda_scorer.clock import TimedEngine
from aws_lambda_scorer.settings import Settings, read

_AGAIN: Final = 1.0
"""Seconds after a failure before the next attempt; requests until then get the same problem."""


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A scorer that passed its self-test, and the headers that name it in every answer."""

    scorer: Scorer
    settings: Settings
    digest: str
    headers: dict[str, str]


class Pipeline:
    """Holds what is served. What failed at init is tried again by later requests, without a restart."""

    def __init__(self) -> None:
        self._served: Served | None = None
        self._problem: Problem | None = None
        self._failed = 0.0
        self._turn = threading.Lock()

    @property
    def digest(self) -> str:
        """The digest of what is served, "" if nothing is."""
        return "" if self._served is None else self._served.digest

    @property
    def ready(self) -> bool:
        """Whether something is served."""
        return self._served is not None

    def current(self) -> Served:
        """Return what is served, loading it if that has not gone well yet; raises Problem of status 503."""
        if self._served is not None:
            return self._served
        with self._turn:
            if self._served is not None:
                return self._served
            if self._problem is not None and monotonic() - self._failed < _AGAIN:
                raise self._problem
            try:
                self._served = load(read(os.environ))
            except Problem as problem:
                self._problem, self._failed = problem, monotonic()
                raise
            self._problem = None
            return self._served


def load(settings: Settings) -> Served:
    """Fetch the artifact, verify its digest and let it answer its own samples; raises Problem."""
    data = artifact_bytes(settings)
    artifact = Artifact.read(data)
    scorer = Scorer(artifact)
    scorer.engine = cast(Any, TimedEngine(scorer.engine))
    _test(scorer, settings)
    shown = contract.identifier(scorer, settings.contract)
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in shown)
    return Served(
        scorer, settings, scorer.digest, {"x-pipeline-id": plain, "x-pipeline-digest": scorer.digest}
    )


def artifact_bytes(settings: Settings) -> bytes:
    """Return the artifact, from the cache if it is there and untouched; raises Problem."""
    if not settings.uri.startswith("s3://"):
        return _checked(_file(Path(settings.uri)), settings)
    cached = settings.cache / f"{settings.digest}.pipeline"
    try:
        data = cached.read_bytes()
        if hashlib.sha256(data).hexdigest() == settings.digest:
            return data
    except OSError:
        pass  # not there yet, which is how every first environment begins
    from aws_lambda_scorer.bucket import fetch

    data = _checked(fetch(settings.uri, MAX_BYTES), settings)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with drafted(cached) as draft:
            draft.write_bytes(data)
    except (OSError, Problem):
        pass  # a full /tmp costs a fetch the next time, no more
    return data


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        detail = f"The artifact {str(path)!r} cannot be read: {error.strerror}."
        hint = "Look whether the layer is attached, and whether PIPELINE_URI names a file in it."
        raise Problem("artifact_missing", 503, detail, hint) from None


def _checked(data: bytes, settings: Settings) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if settings.digest and found != settings.digest:
        detail = f"The artifact at {settings.uri} is refused: its sha256 is {found}, not {settings.digest}."
        hint = "Somebody replaced it; apply the recipe again."
        raise Problem("artifact_tampered", 503, detail, hint)
    return data


def _test(scorer: Scorer, settings: Settings) -> None:
    """Let the scorer answer the samples that travel with it, and compare; raises Problem."""
    samples = scorer.artifact.samples
    rows = list(samples.get("rows", ()))
    if not rows:
        contract.answer(scorer, contract.sample_request(scorer), settings.contract)
        return
    body = json.dumps({"fields": scorer.schema.names, "rows": rows}).encode()
    found = json.loads(contract.answer(scorer, body, settings.contract))["score"]
    expected = [row if isinstance(row, list) else [row] for row in samples["output"]]
    if scorer.task == BINOMIAL:
        expected = [[1.0 - row[-1], row[-1]] for row in expected]
    if [[float(cell) for cell in row] for row in found] != expected:
        hint = "Pack the scoring pipeline again, and check that it was made for this engine."
        raise Problem("artifact_invalid", 503, "The self-test failed: the samples score differently.", hint)
