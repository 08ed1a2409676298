"""Cross-validation of a parameter set over folds, all folds in step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from experiment.booster import ParameterSet, dataset, task_parameters
from experiment.loss import predictions, row_losses
from experiment.result import Floats, Integers

_PATIENCE = 25


@dataclass(frozen=True)
class FoldData:
    """Matrices of one fold, with the transforms fitted on its training part."""

    fit: Floats
    fit_truth: Floats
    judge: Floats
    judge_truth: Floats
    judge_rows: Integers
    categorical: tuple[int, ...]
    raw: int
    weight: float


@dataclass(frozen=True)
class Trace:
    """How a parameter set did in cross-validation."""

    parameters: ParameterSet
    iterations: int
    """Fewest iterations whose mean held-out loss is within a hundredth of the lowest."""
    raw: Floats
    """Raw scores of the judged rows at that point, in the order of `rows`."""
    rows: Integers
    fit_loss: tuple[float, ...]
    judge_loss: tuple[float, ...]
    """Mean losses after each iteration."""


def cross_validate(
    folds: Sequence[FoldData],
    chosen: ParameterSet,
    classes: int,
    most: int,
    seed: int,
    threads: int,
    tick: Callable[[int], bool],
) -> Trace:
    """Train all folds in step and stop when their mean held-out loss has stopped falling.

    One number of iterations is chosen for all folds, from the mean curve: a number for each fold would be
    fitted to its own held-out rows and flatter the estimate. `tick` is told each iteration and returns True
    to stop.
    """
    parameters = task_parameters(classes, seed, threads) | chosen.parameters
    boosters = []
    for fold in folds:
        width = fold.raw if chosen.raw_columns else fold.fit.shape[1]
        categorical = [k for k in fold.categorical if k < width]
        fit = dataset(fold.fit[:, :width], fold.fit_truth, categorical)
        judge = dataset(fold.judge[:, :width], fold.judge_truth, categorical, fit)
        boosters.append(lgb.Booster(parameters, fit).add_valid(judge, "judge"))
    fit_curve: list[float] = []
    judge_curve: list[float] = []
    best = 0
    for iteration in range(most):
        fit_mean = judge_mean = 0.0
        for fold, booster in zip(folds, boosters, strict=True):
            booster.update()
            fit_mean += fold.weight * booster.eval_train()[0][2]
            judge_mean += fold.weight * booster.eval_valid()[0][2]
        fit_curve.append(float(fit_mean))
        judge_curve.append(float(judge_mean))
        if judge_mean < judge_curve[best]:
            best = iteration
        if tick(iteration + 1) or iteration - best >= _PATIENCE:
            break
    # A tree that buys less than a hundredth makes the artifact larger and nothing better.
    best = next(k for k, value in enumerate(judge_curve) if value <= 1.01 * judge_curve[best])
    raw = [
        np.asarray(
            booster.predict(fold.judge[:, : booster.num_feature()], raw_score=True, num_iteration=best + 1)
        )
        for fold, booster in zip(folds, boosters, strict=True)
    ]
    rows = np.concatenate([fold.judge_rows for fold in folds])
    return Trace(chosen, best + 1, np.concatenate(raw), rows, tuple(fit_curve), tuple(judge_curve))


def judged_losses(traces: Sequence[Trace], truth: Floats, classes: int) -> Floats:
    """Return the losses of the judged rows when the raw scores of several members are averaged.

    `truth` has the targets of all training rows; the result has the order of the traces' `rows`.
    """
    raw = np.mean([trace.raw for trace in traces], axis=0)
    return row_losses(truth[traces[0].rows], predictions(raw, classes))
