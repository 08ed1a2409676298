"""Metrics with their uncertainty: bootstrap intervals over rows and the spread over folds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiment.report.statistic import CLIP, Statistic, chosen, classification, regression
from experiment.result import Evaluation, Floats, Result

LEVEL = 0.95
RESAMPLES = 1000
FEWEST = 200
"""Resamples that a very large data set still gets; its intervals are narrow anyway."""
BUDGET = 20_000_000
"""Rows drawn in all resamples together."""
CHUNK = 500_000
"""Weights held at a time: 4 MB, which stays near the processor."""


@dataclass(frozen=True)
class Metric:
    """A metric's name and how to read it."""

    key: str
    title: str
    meaning: str
    higher: bool
    """True if a higher value is better."""
    share: bool = False
    """True if it reads best in per cent."""

    @property
    def spoken(self) -> str:
        """Return the name as it stands within a sentence: an abbreviation keeps its capitals."""
        return self.title if self.title[1:2].isupper() else self.title.lower()


CLASSES = (
    Metric(
        "log_loss",
        "Log loss",
        "surprise at the true class; a confident mistake costs most; 0 is perfect",
        False,
    ),
    Metric("accuracy", "Accuracy", "share of rows whose most probable class is the true one", True, True),
    Metric(
        "macro_f1",
        "Macro F1",
        "balance of precision and recall, each class counting the same; 1 is perfect",
        True,
    ),
    Metric("mcc", "MCC", "correlation of guess and truth; 0 is guessing, 1 is perfect", True),
    Metric(
        "auc", "AUC", "chance that a row of the class is ranked above one of another; 0.5 is guessing", True
    ),
    Metric("brier", "Brier score", "squared distance between probabilities and truth; 0 is perfect", False),
)
NUMBERS = (
    Metric("rmse", "RMSE", "typical error in the target's unit, large errors counting most", False),
    Metric("mae", "MAE", "mean absolute error in the target's unit", False),
    Metric("r2", "R²", "share of the target's variance that is explained; 0 is guessing the mean", True),
)


@dataclass(frozen=True)
class Estimate:
    """One metric on one set of rows."""

    metric: Metric
    value: float
    """NaN where the rows do not define it."""
    low: float
    high: float
    """Bounds of the interval; NaN where there is none (a single row)."""
    folds: tuple[float, ...] = ()
    """Value in each fold that defines it; empty for a test set."""

    @property
    def fold_mean(self) -> float:
        """Return the mean over folds, NaN without folds."""
        return float(np.mean(self.folds)) if self.folds else math.nan

    @property
    def fold_sd(self) -> float:
        """Return the standard deviation over folds, NaN with fewer than two."""
        return float(np.std(self.folds, ddof=1)) if len(self.folds) > 1 else math.nan


def chart_of(task: str) -> tuple[Metric, ...]:
    """Return the metrics of a task, the one that training minimises first."""
    return NUMBERS if task == "regression" else CLASSES


def estimates(part: Evaluation, task: str, seed: int) -> list[Estimate]:
    """Return every metric of `task` on one set of rows.

    The interval is the percentile bootstrap over rows (Efron 1979) at level 0.95: the rows are drawn again
    with replacement, the same draws for every metric, and the middle 95 % of the values is kept. It describes
    the luck of these rows, not that of training again; the folds show the latter. When every guess was right
    (or wrong) the resamples cannot differ, and accuracy gets Wilson's interval (1927) instead of one of no
    width.
    """
    build = regression if task == "regression" else classification
    statistics = build(part.truth, part.prediction) if len(part.truth) else {}
    drawn = _bootstrap(statistics, len(part.truth), seed)
    folds = _by_fold(statistics, part)
    everything = np.ones((1, len(part.truth)))
    found = []
    for metric in chart_of(task):
        if metric.key not in statistics:
            found.append(Estimate(metric, math.nan, math.nan, math.nan))
            continue
        value = float(statistics[metric.key](everything)[0])
        low, high = _middle(drawn[metric.key])
        if metric.key == "accuracy" and low == high:
            low, high = wilson(value, len(part.truth))
        found.append(Estimate(metric, value, low, high, folds[metric.key]))
    return found


def metrics(result: Result) -> dict[str, object]:
    """Return all metrics of a result as JSON-able data, small enough for an artifact's manifest.

    `{"interval": {...}, "validation": {metric: {"value", "low", "high", "fold_mean", "fold_sd"}}, "test":
    {...}}`; a number that the rows do not define is None, and `fold_*` is present for validation only.
    """
    parts = {"validation": result.validation, "test": result.test}
    report: dict[str, object] = {
        "interval": {
            "level": LEVEL,
            "method": "percentile bootstrap over rows",
            "resamples": {name: resamples(len(part.truth)) for name, part in parts.items()},
            "seed": result.seed,
        }
    }
    for name, part in parts.items():
        entry: dict[str, object] = {"rows": len(part.truth)}
        if result.task != "regression":
            entry["clipped_rows"] = clipped(part)
        for estimate in estimates(part, result.task, result.seed):
            numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
            if part.fold is not None:
                numbers |= {"fold_mean": estimate.fold_mean, "fold_sd": estimate.fold_sd}
            entry[estimate.metric.key] = {k: None if math.isnan(v) else v for k, v in numbers.items()}
        report[name] = entry
    return report


def clipped(part: Evaluation) -> int:
    """Return how many rows gave their true class a probability so near 0 that log loss clips it."""
    return int(np.sum(chosen(part.truth, part.prediction) < CLIP)) if len(part.truth) else 0


def resamples(rows: int) -> int:
    """Return how many bootstrap resamples a set of rows gets."""
    return max(FEWEST, min(RESAMPLES, BUDGET // max(rows, 1))) if rows > 1 else 0


def draws(rows: int, count: int, seed: int) -> Iterator[Floats]:
    """Yield row weights (b, rows), `count` lines in all: how often each row was drawn with replacement."""
    generator = np.random.default_rng([abs(seed), rows])
    most = max(1, CHUNK // max(rows, 1))
    for start in range(0, count, most):
        size = min(most, count - start)
        picks = generator.integers(0, rows, size=(size, rows)) + rows * np.arange(size)[:, None]
        weights = np.bincount(picks.ravel(), minlength=size * rows)
        yield weights.reshape(size, rows).astype(np.float64)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval (1927) for a share seen on `rows` rows; NaN for fewer than two."""
    if rows < 2:
        return math.nan, math.nan
    z = 1.959963984540054
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # Exact at the ends, where rounding would leave a bound just beside 0 or 1.
    return (middle - half if share > 0 else 0.0), (middle + half if share < 1 else 1.0)


def _bootstrap(statistics: dict[str, Statistic], rows: int, seed: int) -> dict[str, Floats]:
    values: dict[str, list[Floats]] = {key: [] for key in statistics}
    for weights in draws(rows, resamples(rows), seed):
        for key, statistic in statistics.items():
            values[key].append(statistic(weights))
    return {key: np.concatenate(found) if found else np.empty(0) for key, found in values.items()}


def _by_fold(statistics: dict[str, Statistic], part: Evaluation) -> dict[str, tuple[float, ...]]:
    if part.fold is None:
        return dict.fromkeys(statistics, ())
    weights = (np.unique(part.fold)[:, None] == part.fold).astype(np.float64)
    values = {key: statistic(weights) for key, statistic in statistics.items()}
    return {key: tuple(found[~np.isnan(found)].tolist()) for key, found in values.items()}


def _middle(values: Floats) -> tuple[float, float]:
    """Return the bounds of the middle 95 % of the values that are defined."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
