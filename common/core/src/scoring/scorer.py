"""The scorer: an artifact loaded and answering."""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scoring._engine import Pipeline
from scoring.artifact import Artifact
from scoring.manifest import BINOMIAL
from scoring.problem import Problem
from scoring.schema import Schema, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from scoring.intake import Intake
    from scoring.verification import Verification

    Floats: TypeAlias = NDArray[np.float64]

KINDS = ("original", "transformed")
"""What contributions are given for: the inputs, or the features that the forest reads."""


class Scorer:
    """Answers for one artifact. Immutable: any number of threads may use one scorer at a time."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        try:
            self.engine = Pipeline(artifact.features, artifact.forest)
        except ValueError as fault:
            raise Problem(
                "artifact_invalid",
                503,
                f"The artifact is refused: {str(fault).rstrip('.')}.",
                "Pack the model again with `scoring pack`.",
            ) from None
        manifest = artifact.manifest
        self.schema: Schema = manifest.schema
        self.id = manifest.id
        self.digest = artifact.digest
        self.name = manifest.name
        self.task = manifest.task
        self.target = manifest.target
        self.labels = manifest.labels
        self.output_names = tuple(field.name for field in self.schema.outputs)
        self._predict: Callable[[Any, bool, int], Floats] = self.engine.predict

    def predict(self, X: Any, raw_score: bool = False, threads: int = 1) -> "Floats":
        """Score rows, as `lightgbm.Booster.predict` does.

        X is a float, int or bool array of shape (n, inputs) in schema order, which holds what the engine
        takes (a category's code, NaN for missing); or cells, read as a request's are: one row, a list of
        rows, an array of objects; or a table (pandas, polars, pyarrow, a mapping, a list of mappings),
        whose columns are found by name. Returns float64 of shape (n,), or (n, outputs) for more than two
        classes: values, probabilities, or raw scores. `threads=0` uses all processors. Raises Problem
        naming the field and row that cannot be read.
        """
        if X.__class__ in self._direct:
            try:
                return self._predict(X, raw_score, threads)
            except (TypeError, ValueError):
                pass  # other dtypes, dimensions and cells are the intake's
        arrow = self._intake.arrow(X)
        if arrow is not None:
            return self.engine.predict_arrow(arrow, raw_score, threads)
        return self._predict(self._intake.matrix(X), raw_score, threads)

    def outputs(self, X: Any, threads: int = 1) -> "Floats":
        """Score rows to the output columns: (n, len(output_names)) float64; X and Problem as in `predict`."""
        scores = self.predict(X, False, threads)
        if self.task == BINOMIAL:
            import numpy as np

            return np.column_stack((1.0 - scores, scores))
        return scores.reshape(len(scores), len(self.output_names))

    def contributions(self, X: Any, kind: str = "original", threads: int = 1) -> "Floats":
        """Split raw scores into parts that add up to them (exact Shapley values of the trees).

        `kind` is "original" (a part for each input) or "transformed" (for each feature of the forest).
        Returns float64 of shape (n, outputs * (parts + 1)); for each output its parts and then its bias, as
        pred_contrib lays them out. X as in `predict`. Raises Problem, also when the artifact's forest
        carries no counts.
        """
        self.check_kind(kind)
        return self.engine.contributions(self.matrix(X), kind == "original", threads)

    def check_kind(self, kind: str) -> None:
        """Raise Problem if there are no contributions of this kind, or none at all for want of counts."""
        if kind not in KINDS:
            raise Problem(
                "unknown_value",
                422,
                f"There are no contributions of the kind {kind!r}.",
                did_you_mean(str(kind), KINDS) or f"Ask for {' or '.join(KINDS)}.",
            )
        if not self.engine.has_counts:
            raise Problem(
                "unsupported",
                501,
                "The artifact's forest carries no counts, which contributions need.",
                "Pack the model from the text that Booster.save_model writes.",
            )

    def transform(self, X: Any, threads: int = 1) -> "Floats":
        """Compute the features that the forest reads: float64 (n, features); X as in `predict`."""
        return self.engine.transform(self.matrix(X), threads)

    def matrix(self, X: Any) -> "Floats":
        """Give X as the engine takes it: float64 of shape (n, inputs); X and Problem as in `predict`."""
        return self._intake.matrix(X)

    def score_json(self, body: bytes) -> bytes:
        """Answer a score request of the HTTP contract; raises Problem."""
        return self._answer(self, body)

    def verify(self) -> "Verification":
        """Check every digest again and re-score the samples that travel with the artifact, bit for bit."""
        from scoring.verification import verify

        return verify(self)

    @cached_property
    def _intake(self) -> "Intake":
        from scoring.intake import Intake  # and numpy, which scoring of requests does without

        return Intake(self.schema)

    @cached_property
    def _direct(self) -> frozenset[type]:
        """What the engine reads by itself: arrays; lists too, if cells are what it takes, without codes."""
        import numpy as np

        return frozenset({np.ndarray} if self._intake.coded else {np.ndarray, list, tuple})

    @cached_property
    def _answer(self) -> "Callable[[Scorer, bytes], bytes]":
        from scoring.contract import answer

        return answer

    def __reduce__(self) -> "tuple[type[Scorer], tuple[Artifact]]":
        return Scorer, (self.artifact,)  # the engine is made anew where it is unpickled

    def __repr__(self) -> str:
        return f"<Scorer {self.name!r}: {self.task}, {len(self.schema)} inputs, digest {self.digest[:12]}>"


def load(source: str | os.PathLike[str] | bytes) -> Scorer:
    """Load an artifact from a file or from its bytes; raises Problem saying why it is refused."""
    return Scorer(Artifact.read(source))
