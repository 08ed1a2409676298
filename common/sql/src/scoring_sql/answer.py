"""Answers: rows of doubles -> named columns of scores and contributions, as Arrow arrays."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scoring import Scorer
from scoring.manifest import BINOMIAL, MULTINOMIAL

ORIGINAL: Final = "original"


class Scores:
    """The outputs of a scorer, one column each."""

    def __init__(self, scorer: Scorer) -> None:
        self._engine = scorer.engine
        self._binomial = scorer.task == BINOMIAL
        self.names = list(scorer.output_names)

    def columns(self, batch: Any, threads: int = 1) -> list[Any]:
        """Score a record batch of doubles in schema order."""
        scores = self._engine.predict_arrow(batch, False, threads)
        if self._binomial:
            return [pa.array(1.0 - scores), pa.array(scores)]
        return _columns(scores.reshape(batch.num_rows, len(self.names)))


class Parts:
    """The contributions of a scorer: `<input>` and `bias`, with three classes or more `<label>.<input>`."""

    def __init__(self, scorer: Scorer, kind: str = ORIGINAL) -> None:
        scorer.check_kind(kind)
        self._engine = scorer.engine
        self._original = kind == ORIGINAL
        inputs = scorer.schema.names if self._original else scorer.engine.feature_names
        groups = [f"{label}." for label in scorer.labels] if scorer.task == MULTINOMIAL else [""]
        self.names = [f"{group}{name}" for group in groups for name in [*inputs, "bias"]]

    def columns(self, batch: Any, threads: int = 1) -> list[Any]:
        """Split the raw scores of a record batch of doubles in schema order."""
        return _columns(self._engine.contributions_arrow(batch, self._original, threads))


class Answer:
    """Scores, and contributions as `contrib_...` behind them if they are asked for."""

    def __init__(self, scorer: Scorer, contributions: str | None = None) -> None:
        self._scores = Scores(scorer)
        self._parts = None if contributions is None else Parts(scorer, contributions)
        more = [] if self._parts is None else [f"contrib_{name}" for name in self._parts.names]
        self.names = [*self._scores.names, *more]

    def columns(self, batch: Any, threads: int = 1) -> list[Any]:
        """Answer for a record batch of doubles in schema order."""
        found = self._scores.columns(batch, threads)
        return found if self._parts is None else found + self._parts.columns(batch, threads)


def _columns(matrix: NDArray[np.float64]) -> list[Any]:
    return [pa.array(column) for column in np.ascontiguousarray(matrix.T)]
