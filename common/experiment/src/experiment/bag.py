"""The final forest: a bag of members trained on parts of the rows, merged into one model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scoring.forest import merge

from experiment.booster import task_parameters, train
from experiment.crossing import Trace
from experiment.result import Floats
from experiment.split import random_folds
from experiment.step import Fitted

_DIGITS = 9
"""Significant digits of leaf values: scores move by about 1e-9, the text shrinks by a third."""
_MEMBERS = {1: 4, 2: 4, 3: 3}
"""Members by the number of parameter sets that take turns."""
_PARTS = 5
"""Each member leaves out another one of so many parts of the rows."""


@dataclass(frozen=True)
class Bag:
    """A merged forest and how much each feature lowered the training loss."""

    forest: str
    gain: Floats
    """(features,) total gain, mean over members."""
    members: tuple[tuple[str, int], ...]
    """(parameter set, iterations) of each member."""


def train_bag(
    fitted: Fitted,
    y: Floats,
    classes: int,
    chosen: Sequence[Trace],
    seed: int,
    threads: int,
    progress: Callable[[int, int], None],
) -> Bag:
    """Train each member on all rows but one part, with the iterations that cross-validation found.

    The parts are drawn at random whatever the split: no estimate rests on them.
    """
    count = _MEMBERS[len(chosen)]
    texts, gains, members = [], [], []
    for k, part in enumerate(random_folds(y, classes, _PARTS, seed + 1)[:count]):
        progress(k, count)
        trace = chosen[k % len(chosen)]
        matrix = fitted.matrix[part.fit]
        if trace.parameters.raw_columns:
            matrix[:, fitted.raw :] = 0.0  # a constant column is never split on
        parameters = task_parameters(classes, seed + k, threads) | trace.parameters.parameters
        booster = train(matrix, y[part.fit], fitted.categorical, parameters, trace.iterations)
        texts.append(booster.model_to_string(num_iteration=-1))
        gains.append(np.asarray(booster.feature_importance("gain"), dtype=np.float64))
        members.append((trace.parameters.name, trace.iterations))
    progress(count, count)
    return Bag(merge(texts, digits=_DIGITS), np.mean(gains, axis=0), tuple(members))
