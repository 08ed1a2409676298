"""Answers: doubles of a chunk in -> the score and contribution columns of its rows."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scoring import Scorer
from scoring.manifest import BINOMIAL, MULTINOMIAL

ORIGINAL: Final = "original"


class Answer:
    """Scores rows, and splits their scores if asked to.

    The columns are the scorer's outputs, then `contrib_<input>` (`contrib_<feature>` for transformed
    contributions) and `contrib_bias`; with three or more classes these are `contrib_<label>.<input>` and
    `contrib_<label>.bias`, class by class.
    """

    def __init__(self, scorer: Scorer, contributions: str | None, threads: int) -> None:
        if contributions is not None:
            scorer.check_kind(contributions)
        self._engine = scorer.engine
        self._binomial = scorer.task == BINOMIAL
        self._kind = contributions
        self._threads = threads
        self._inputs = list(scorer.schema.names)
        self.names = (*scorer.output_names, *_part_names(scorer, contributions))
        """Names of the columns, all of them doubles."""

    def columns(self, doubles: Sequence[Any]) -> list[NDArray[np.float64]]:
        """Return the columns for rows whose inputs are pyarrow arrays of doubles in schema order."""
        batch = pa.RecordBatch.from_arrays(list(doubles), self._inputs)
        scores = self._engine.predict_arrow(batch, False, self._threads)
        matrix = scores.reshape(batch.num_rows, -1)
        columns = [1.0 - scores, scores] if self._binomial else _columns(matrix)
        if self._kind is None:
            return columns
        parts = self._engine.contributions_arrow(batch, self._kind == ORIGINAL, self._threads)
        return columns + _columns(parts)


def _columns(matrix: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return list(np.ascontiguousarray(matrix.T))


def _part_names(scorer: Scorer, kind: str | None) -> list[str]:
    if kind is None:
        return []
    names = scorer.schema.names if kind == ORIGINAL else scorer.engine.feature_names
    groups = [f"{label}." for label in scorer.labels] if scorer.task == MULTINOMIAL else [""]
    return [f"contrib_{group}{name}" for group in groups for name in [*names, "bias"]]
