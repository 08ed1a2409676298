"""What an experiment found: plain data that the report draws and the command prints."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """Predictions of rows that the predicting model did not see in training."""

    rows: Integers
    """(n,) row numbers in the data set, counted from 0."""
    truth: Floats
    """(n,) target values; for classes the index into Result.labels, as float."""
    prediction: Floats
    """(n,) for regression, (n, K) class probabilities otherwise (K = 2 for binomial)."""
    fold: Integers | None = None
    """(n,) fold in which the row was held out; None for a test set."""


@dataclass(frozen=True)
class Importance:
    """How much each column matters; all sequences have the same order."""

    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Caution:
    """Something a reader of the numbers should know first."""

    code: str
    """leakage, ordered_label, small_class, simulated, budget, constant, drift, duplicate_rows, ..."""
    detail: str


@dataclass(frozen=True)
class Column:
    """One input column as the experiment saw it."""

    name: str
    type: str
    missing: float
    """Share of training rows without a value, 0..1."""
    distinct: int
    summary: str
    """Range or most frequent categories, for a person."""


@dataclass(frozen=True)
class Result:
    """Everything that the report shows about one experiment."""

    name: str
    task: str
    """regression, binomial or multinomial."""
    target: str
    labels: tuple[str, ...]
    source: str
    """The data set in words, with its licence line where it has one."""
    simulated: bool
    split: str
    """How training and test rows were told apart, in words."""
    seed: int
    rows_train: int
    rows_test: int
    columns: tuple[Column, ...]
    features: tuple[str, ...]
    """Names of the feature columns that the forest reads."""
    feature_search: tuple[tuple[str, float, float], ...]
    """(step, cross-validated loss before, after), in order; kept steps lower the loss."""
    validation: Evaluation
    """Out-of-fold predictions of the training rows; transforms refitted inside each fold."""
    test: Evaluation
    """Predictions of the test rows by the final scoring pipeline."""
    gain: Importance
    """Total gain by feature column."""
    permutation: Importance
    """Rise of the test loss when an input column is shuffled, by input column."""
    learning_curve: tuple[tuple[int, float, float], ...]
    """(iteration, training loss, held-out loss), mean over folds."""
    parameters: dict[str, object]
    """LightGBM parameters of the final forest."""
    trees: int
    stages: tuple[tuple[str, float], ...]
    """(stage, seconds)."""
    versions: dict[str, str]
    warnings: tuple[Caution, ...] = ()
    baseline_loss: float | None = None
    """Test loss of plain LightGBM defaults on the raw columns, for comparison."""
    peak_memory_mb: float | None = None
    attribution: str = ""
    test_rows_preview: dict[str, list[str]] = field(default_factory=dict)
    """Input cells (as text) of test rows worth showing, keyed by column; in the order of `preview_index`."""
    preview_index: tuple[int, ...] = ()
    """Positions in `test` of the rows in test_rows_preview: those with the largest loss."""
