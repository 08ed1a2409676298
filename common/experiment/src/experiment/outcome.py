"""What training left behind, and the result that is told about it."""

import platform
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from scoring._engine import Pipeline

from experiment.bag import Bag
from experiment.crossing import Trace
from experiment.loss import predictions, row_losses
from experiment.plan import Clock, Plan
from experiment.request import Material
from experiment.result import Caution, Evaluation, Floats, Importance, Integers, Result
from experiment.search import Tried
from experiment.split import Fold
from experiment.step import Fitted, Known, Step
from experiment.suspicion import drift, duplicates, leakage, ordered_target
from experiment.trial import permutation, plain_loss, predict

_PREVIEWS = 20
LIBRARIES = ("lightgbm", "numpy", "polars", "scikit-learn", "scoring-core", "scoring-experiment")


@dataclass(frozen=True)
class Outcome:
    """A trained scoring pipeline and how it came about."""

    known: Known
    """The training rows, with the columns that are inputs of the pipeline."""
    folds: Sequence[Fold]
    plan: Plan
    steps: tuple[Step, ...]
    tried: tuple[Tried, ...]
    members: tuple[Trace, ...]
    """One trace a parameter set in the bag."""
    fitted: Fitted
    bag: Bag
    pipeline: Pipeline

    def matrix(self, material: Material, rows: Integers) -> Floats:
        """Return rows of the material with the columns that are inputs of the pipeline."""
        names = [field.name for field in material.inputs.fields]
        columns = [names.index(field.name) for field in self.known.fields]
        return np.ascontiguousarray(material.X[rows][:, columns])


def tell(material: Material, outcome: Outcome, name: str, seed: int, threads: int, clock: Clock) -> Result:
    """Try the pipeline on the test rows and put everything that was found into a Result."""
    known, target, split = outcome.known, material.target, material.split
    classes = known.classes
    X = outcome.matrix(material, split.test)
    y = target.values[split.test]
    guess = predict(outcome.pipeline, X, classes, threads)
    worst = np.argsort(-row_losses(y, guess), kind="stable")[:_PREVIEWS]
    shuffled = permutation(outcome.pipeline, X, y, classes, seed, threads)
    plain = plain_loss(known, X, y, threads)
    cautions = [
        *material.cautions,
        *(ordered_target(target.values, classes) if split.words.startswith("random") else []),
        *leakage(known.X, known.y, known.fields, classes, seed),
        *drift(known.X, X, known.fields),
        *duplicates(known.X, X),
    ]
    if clock.stopped:
        cautions.append(
            Caution(
                "budget",
                f"The search was cut short after {clock.limit:.0f} s, beyond the budget: the same command "
                "may give another pipeline on another machine. Raise --budget.",
            )
        )
    clock.lap("try out")
    features = outcome.fitted.names
    gain_order = np.argsort(-outcome.bag.gain, kind="stable").tolist()
    rise_order = np.argsort(-shuffled, kind="stable").tolist()
    columns = {column.name: column for column in material.inputs.columns}
    return Result(
        name=name,
        task=target.task,
        target=target.name,
        labels=target.labels,
        source=material.table.source,
        simulated=material.table.simulated,
        split=split.words,
        seed=seed,
        rows_train=len(split.train),
        rows_test=len(split.test),
        columns=tuple(columns[field.name] for field in known.fields),
        features=features,
        feature_search=tuple(
            (entry.step.name, _shown(entry.before, classes), _shown(entry.after, classes))
            for entry in outcome.tried
        ),
        validation=_validation(material, outcome),
        test=Evaluation(target.rows[split.test], y, guess),
        gain=Importance(
            tuple(features[k] for k in gain_order), tuple(float(outcome.bag.gain[k]) for k in gain_order)
        ),
        permutation=Importance(
            tuple(known.fields[k].name for k in rise_order), tuple(float(shuffled[k]) for k in rise_order)
        ),
        learning_curve=_curve(outcome.members[0], classes),
        parameters=_parameters(outcome),
        trees=outcome.pipeline.trees,
        stages=tuple(clock.stages),
        versions=versions(),
        warnings=tuple(cautions),
        baseline_loss=plain,
        peak_memory_mb=_peak_memory(),
        attribution=material.table.attribution,
        test_rows_preview=material.cells(split.test[worst].tolist(), known.fields),
        preview_index=tuple(worst.tolist()),
    )


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that trained."""
    return {"python": platform.python_version()} | {library: version(library) for library in LIBRARIES}


def _validation(material: Material, outcome: Outcome) -> Evaluation:
    """Return out-of-fold predictions of the training rows; rows that no fold judged are left out."""
    rows = outcome.members[0].rows
    raw = np.mean([trace.raw for trace in outcome.members], axis=0)
    fold = np.concatenate([np.full(len(part.judge), k) for k, part in enumerate(outcome.folds)])
    order = np.argsort(rows, kind="stable")
    original = material.target.rows[material.split.train[rows[order]]]
    guess = predictions(raw[order], outcome.known.classes)
    return Evaluation(original, outcome.known.y[rows[order]], guess, fold[order])


def _shown(mean: float, classes: int) -> float:
    """Return a mean row loss as it is shown: log loss, or the root of the mean squared error."""
    return mean if classes else float(np.sqrt(mean))


def _curve(trace: Trace, classes: int) -> tuple[tuple[int, float, float], ...]:
    pairs = zip(trace.fit_loss, trace.judge_loss, strict=True)
    return tuple((k, _shown(fit, classes), _shown(judge, classes)) for k, (fit, judge) in enumerate(pairs, 1))


def _parameters(outcome: Outcome) -> dict[str, object]:
    found: dict[str, object] = {"members": len(outcome.bag.members), "plan": outcome.plan.level}
    for trace in outcome.members:
        found[trace.parameters.name] = {"iterations": trace.iterations} | trace.parameters.parameters
    found["kept steps"] = [step.name for step in outcome.steps]
    return found


def _peak_memory() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024.0 * 1024.0 if sys.platform == "darwin" else 1024.0)
