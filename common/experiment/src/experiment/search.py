"""Choosing feature engineering and forest parameters by cross-validation inside the training rows.

The rule by which a step is kept, and why. A step costs columns, artifact size and a little time at every
scoring, and with a handful of folds many a step looks good by luck. So a step is kept only if the mean
held-out loss falls by more than one standard error of that fall. The standard error is taken over folds from
paired differences (the same rows, with and without the step), for the folds' losses go up and down together
and unpaired ones would drown every real gain. The steps are tried in a fixed order, each on top of those kept
so far; nothing is tried twice, so there is little room to fit the folds themselves.

Parameter sets are treated the same way, except that more than one may stay: the members' raw scores are
averaged, and of all their combinations the one with the lowest held-out loss is taken. There are few sets and
they are fixed, so this adds next to no selection bias.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from experiment.booster import EXTRA, PLAIN, RAW, FoldData, ParameterSet, Trace, cross_validate, judged_losses
from experiment.result import Floats, Integers
from experiment.split import Fold
from experiment.step import Known, Step, fit_steps

Tick = Callable[[], None]


@dataclass(frozen=True)
class Tried:
    """A step that was tried, with the cross-validated loss (mean over judged rows) without it and with it."""

    step: Step
    before: float
    after: float
    kept: bool


@dataclass(frozen=True)
class Found:
    """What the search settled on."""

    steps: tuple[Step, ...]
    tried: tuple[Tried, ...]
    members: tuple[Trace, ...]
    """The parameter sets whose raw scores are averaged."""


def fold_data(
    known: Known, folds: Sequence[Fold], steps: tuple[Step, ...], hidden: Integers, threads: int
) -> list[FoldData]:
    """Fit the steps inside each fold and make its matrices."""
    judged = sum(len(fold.judge) for fold in folds)
    made = []
    for fold in folds:
        inside = Known(known.X[fold.fit], known.y[fold.fit], known.fields, known.classes, known.seed)
        fitted = fit_steps(steps, inside, hidden, threads)
        made.append(
            FoldData(
                fitted.matrix,
                inside.y,
                np.array(fitted.apply(known.X[fold.judge], threads)),
                known.y[fold.judge],
                fold.judge,
                fitted.categorical,
                fitted.raw,
                len(fold.judge) / judged,
            )
        )
    return made


def search_steps(
    known: Known,
    folds: Sequence[Fold],
    candidates: Sequence[Step],
    hidden: Integers,
    most: int,
    threads: int,
    tick: Tick,
) -> tuple[tuple[Step, ...], tuple[Tried, ...]]:
    """Try the candidate steps in order and keep those that lower the loss by more than a standard error."""
    kept: tuple[Step, ...] = ()
    tried: list[Tried] = []

    def losses(steps: tuple[Step, ...]) -> Floats:
        data = fold_data(known, folds, steps, hidden, threads)
        trace = cross_validate(data, PLAIN, known.classes, most, known.seed, threads, tick)
        return judged_losses([trace], known.y, known.classes)

    current: Floats | None = None
    for step in candidates:
        if not step.applies(known):
            continue
        if current is None:
            current = losses(())
        with_step = losses((*kept, step))
        gain, error = paired_gain(current, with_step, folds)
        keep = gain > error
        tried.append(Tried(step, float(current.mean()), float(with_step.mean()), keep))
        if keep:
            kept, current = (*kept, step), with_step
    return kept, tuple(tried)


def choose_members(
    known: Known,
    folds: Sequence[Fold],
    steps: tuple[Step, ...],
    hidden: Integers,
    most: int,
    threads: int,
    tick: Tick,
    sets: Sequence[ParameterSet] = (PLAIN, EXTRA, RAW),
) -> tuple[Trace, ...]:
    """Cross-validate the parameter sets and return the combination with the lowest loss."""
    data = fold_data(known, folds, steps, hidden, threads)
    offered = [chosen for chosen in sets if steps or not chosen.raw_columns]
    traces = [
        cross_validate(data, chosen, known.classes, most, known.seed + k, threads, tick)
        for k, chosen in enumerate(offered)
    ]
    groups = [group for size in range(1, len(traces) + 1) for group in combinations(traces, size)]
    return min(groups, key=lambda group: float(judged_losses(group, known.y, known.classes).mean()))


def paired_gain(before: Floats, after: Floats, folds: Sequence[Fold]) -> tuple[float, float]:
    """Return the mean fall of the loss and its standard error over folds; rows are in the order of the folds."""
    ends = np.cumsum([len(fold.judge) for fold in folds])
    falls = np.array([part.mean() for part in np.split(before - after, ends[:-1])])
    error = float(falls.std(ddof=1) / np.sqrt(len(falls))) if len(falls) > 1 else np.inf
    return float((before - after).mean()), error
