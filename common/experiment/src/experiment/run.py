"""An experiment from data to artifact: gather, search, train, try out, write."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scoring._engine import Pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from experiment.bag import train_bag
from experiment.dates import DateParts
from experiment.encodings import Frequencies, TargetMeans
from experiment.interactions import Interactions
from experiment.outcome import Outcome, tell
from experiment.plan import DEFAULT_BUDGET, Clock, Plan, hard_stop, make_plan, useful_threads
from experiment.progress import Progress, silent
from experiment.projections import Components, Discriminants
from experiment.request import Material, Request, gather
from experiment.result import Result
from experiment.search import Bench, Tried, choose_members, search_steps
from experiment.split import Fold, group_folds, random_folds, time_folds
from experiment.step import Known, Step, fit_steps
from experiment.writing import write_artifact, write_predictions


def run(
    data: str | Path | None = None,
    target: str | None = None,
    output: str | Path | None = None,
    *,
    name: str | None = None,
    test: str | Path | None = None,
    group: str | None = None,
    time: str | None = None,
    budget: float | None = None,
    seed: int = 1,
    recipe: str | None = None,
    source: str | Path | None = None,
    drop: Sequence[str] = (),
    schema: str | Path | None = None,
    predictions: str | Path | None = None,
    threads: int = 1,
    progress: Progress = silent,
) -> Result:
    """Train a scoring pipeline and say honestly how good it is.

    `data` is a CSV, TSV, Parquet or NDJSON file; `recipe` (with `source`) is a named data set instead.
    `output` is where the artifact goes, `predictions` a CSV file of all held-out predictions. The test rows
    are those of `test`, whole groups of `group`, the latest by `time`, or a random quarter. `schema`
    overrules inferred types. `budget` is in seconds and sets how much is planned; the same arguments give
    the same artifact bytes, for any number of `threads`. `progress` is called with (stage, done, total) and
    may raise to stop. Raises scoring.Problem for whatever is wrong with the data or the arguments; nothing
    half written is left behind.
    """
    request = Request(
        _path(data), target, _path(test), group, time, recipe, _path(source), tuple(drop), _path(schema), seed
    )
    seconds = DEFAULT_BUDGET if budget is None else budget
    clock = Clock(limit=hard_stop(seconds))
    with threadpool_limits(1):  # sums of linear algebra libraries depend on their number of threads
        material = gather(request, progress)
        threads = useful_threads(threads, *material.X.shape)
        clock.lap("read the data")
        outcome = _train(material, request, seconds, threads, clock, progress)
        progress("try out", 0, 1)
        result = tell(material, outcome, name or material.table.name, seed, threads, clock)
        progress("try out", 1, 1)
    if output is not None:
        write_artifact(Path(output), material, outcome, result)
    if predictions is not None:
        write_predictions(Path(predictions), result)
    return result


def _train(
    material: Material, request: Request, budget: float, threads: int, clock: Clock, progress: Progress
) -> Outcome:
    train = material.split.train
    target = material.target
    known = Known(
        material.X[train], target.values[train], material.inputs.fields, target.classes, request.seed
    )
    plan = make_plan(len(train), len(known.fields), target.classes, budget)
    folds = _folds(material, known, plan, request.seed)
    candidates = _candidates(plan)
    kept: tuple[Step, ...] = ()
    tried: tuple[Tried, ...] = ()
    hidden = material.hidden
    if plan.search:
        part, part_folds = _sample(known, folds, plan, request.seed)
        bench = Bench(part, part_folds, hidden, plan, threads, clock, progress)
        kept, tried = search_steps(bench, candidates)
    clock.lap("search features")
    if len(hidden) and not any(isinstance(step, DateParts) for step in kept):
        # The time has served the split; without its parts nothing would read it at scoring.
        columns = [k for k in range(len(known.fields)) if k not in hidden]
        fields = tuple(known.fields[k] for k in columns)
        known = replace(known, X=np.ascontiguousarray(known.X[:, columns]), fields=fields)
        hidden = hidden[:0]
    bench = Bench(known, folds, hidden, plan, threads, clock, progress)
    members = choose_members(bench, kept)
    clock.lap("choose parameters")
    fitted = fit_steps(kept, known, hidden, threads)
    bag = train_bag(
        fitted,
        known.y,
        known.classes,
        members,
        request.seed,
        threads,
        lambda k, n: progress("train the bag", k, n),
    )
    clock.lap("train the bag")
    pipeline = Pipeline(fitted.features, bag.forest.encode())
    return Outcome(known, folds, plan, kept, tried, members, fitted, bag, pipeline)


def _candidates(plan: Plan) -> tuple[Step, ...]:
    steps: tuple[Step, ...] = (DateParts(), Frequencies(), TargetMeans(), Discriminants(), Components())
    return (*steps, Interactions()) if plan.interactions else steps


def _folds(material: Material, known: Known, plan: Plan, seed: int) -> list[Fold]:
    train = material.split.train
    if material.times is not None:
        return time_folds(material.times[train], plan.folds)
    if material.groups is not None:
        return group_folds(known.y, known.classes, material.groups[train], plan.folds, seed)
    return random_folds(known.y, known.classes, plan.folds, seed)


def _sample(known: Known, folds: Sequence[Fold], plan: Plan, seed: int) -> tuple[Known, list[Fold]]:
    """Return at most `plan.search_rows` of the training rows, and the folds among them."""
    n = len(known.y)
    if n <= plan.search_rows:
        return known, list(folds)
    rows = np.sort(np.random.default_rng([seed, 3]).permutation(n)[: plan.search_rows])
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    inside = [
        Fold(place[fold.fit][place[fold.fit] >= 0], place[fold.judge][place[fold.judge] >= 0])
        for fold in folds
    ]
    return replace(known, X=known.X[rows], y=known.y[rows]), inside


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)
