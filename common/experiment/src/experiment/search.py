"""Choosing feature engineering and forest parameters by cross-validation inside the training rows.

The rule by which a step is kept, and why. A step costs columns, artifact size and a little time at every
scoring, and with a handful of folds many a step looks good by luck. So a step is kept only if the mean
held-out loss falls by more than one standard error of that fall. The standard error is taken over folds from
paired differences (the same rows, with and without the step), for the folds' losses go up and down together
and unpaired ones would drown every real gain. The steps are tried in a fixed order, each on top of those kept
so far; nothing is tried twice, so there is little room to fit the folds themselves.

Parameter sets are fixed and few, and more than one may stay: members' raw scores are averaged. Here the same
rule works the other way round. An average of unlike members is rarely worse than its best part, and on rows
unlike any seen in training it errs less; so the largest combination is taken whose held-out loss is not more
than one standard error, paired again, above that of the best combination.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from experiment.booster import EXTRA, PLAIN, RAW, ParameterSet
from experiment.crossing import FoldData, Trace, cross_validate, judged_losses
from experiment.plan import Clock, Plan
from experiment.progress import Progress
from experiment.result import Floats, Integers
from experiment.split import Fold
from experiment.step import Known, Step, fit_steps

_PROBE = ParameterSet("probe", PLAIN.parameters | {"learning_rate": 0.2})
_PROBE_ITERATIONS = 0.6
"""The probe learns faster than the final members, so it needs fewer iterations: this share of theirs."""


@dataclass(frozen=True)
class Tried:
    """A step that was tried, with the cross-validated loss (mean over judged rows) without it and with it."""

    step: Step
    before: float
    after: float
    kept: bool


@dataclass(frozen=True)
class Bench:
    """Where candidates are compared: rows, folds, and how much work is allowed."""

    known: Known
    folds: Sequence[Fold]
    hidden: Integers
    """Columns that steps may read but the forest must not split on."""
    plan: Plan
    threads: int
    clock: Clock
    progress: Progress

    def data(self, steps: tuple[Step, ...]) -> list[FoldData]:
        """Fit the steps inside each fold and make its matrices."""
        known = self.known
        judged = sum(len(fold.judge) for fold in self.folds)
        made = []
        for fold in self.folds:
            inside = replace(known, X=known.X[fold.fit], y=known.y[fold.fit])
            fitted = fit_steps(steps, inside, self.hidden, self.threads)
            made.append(
                FoldData(
                    fitted.matrix,
                    inside.y,
                    fitted.apply(known.X[fold.judge], self.threads),
                    known.y[fold.judge],
                    fold.judge,
                    fitted.categorical,
                    fitted.raw,
                    len(fold.judge) / judged,
                )
            )
        return made


def search_steps(bench: Bench, candidates: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Tried, ...]]:
    """Try the candidate steps in order and keep those that lower the loss by more than a standard error."""
    known = bench.known
    offered = [step for step in candidates if step.applies(known)]
    most = round(bench.plan.iterations * _PROBE_ITERATIONS)
    kept: tuple[Step, ...] = ()
    tried: list[Tried] = []

    def losses(steps: tuple[Step, ...], place: int) -> Floats:
        def tick(iteration: int) -> bool:
            bench.progress("search features", place * most + iteration, (len(offered) + 1) * most)
            return bench.clock.late()

        trace = cross_validate(
            bench.data(steps), _PROBE, known.classes, most, known.seed, bench.threads, tick
        )
        return judged_losses([trace], known.y, known.classes)

    if not offered:
        return (), ()
    current = losses((), 0)
    for place, step in enumerate(offered, 1):
        if bench.clock.late():
            break
        with_step = losses((*kept, step), place)
        gain, error = paired_gain(current, with_step, bench.folds)
        keep = gain > error
        tried.append(Tried(step, float(current.mean()), float(with_step.mean()), keep))
        if keep:
            kept, current = (*kept, step), with_step
    return kept, tuple(tried)


def choose_members(
    bench: Bench, steps: tuple[Step, ...], sets: Sequence[ParameterSet] = (PLAIN, EXTRA, RAW)
) -> tuple[Trace, ...]:
    """Cross-validate the parameter sets; return the largest combination about as good as the best one."""
    known, most = bench.known, bench.plan.iterations
    offered = [chosen for chosen in sets[: bench.plan.sets] if steps or not chosen.raw_columns]
    data = bench.data(steps)
    traces: list[Trace] = []
    for place, chosen in enumerate(offered):
        if traces and bench.clock.late():
            break

        def tick(iteration: int, place: int = place) -> bool:
            bench.progress("choose parameters", place * most + iteration, len(offered) * most)
            return bench.clock.late()

        leaves = chosen.parameters["num_leaves"] * bench.plan.leaves // PLAIN.parameters["num_leaves"]
        rate = min(0.5, chosen.parameters["learning_rate"] * bench.plan.haste)
        sized = replace(chosen, parameters=chosen.parameters | {"num_leaves": leaves, "learning_rate": rate})
        traces.append(
            cross_validate(data, sized, known.classes, most, known.seed + place, bench.threads, tick)
        )
    groups = [group for size in range(1, len(traces) + 1) for group in combinations(traces, size)]
    losses = [judged_losses(group, known.y, known.classes) for group in groups]
    best = min(losses, key=lambda found: float(found.mean()))
    close = []
    for group, found in zip(groups, losses, strict=True):
        gain, error = paired_gain(found, best, bench.folds)
        if found is best or gain <= error:
            close.append((-len(group), float(found.mean()), group))
    return min(close, key=lambda entry: entry[:2])[2]


def paired_gain(before: Floats, after: Floats, folds: Sequence[Fold]) -> tuple[float, float]:
    """Return the mean fall of the loss and its standard error over folds; rows are ordered by fold."""
    ends = np.cumsum([len(fold.judge) for fold in folds])
    falls = np.array([part.mean() for part in np.split(before - after, ends[:-1]) if len(part)])
    error = float(falls.std(ddof=1) / np.sqrt(len(falls))) if len(falls) > 1 else np.inf
    return float((before - after).mean()), error
