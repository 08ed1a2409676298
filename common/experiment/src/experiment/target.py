"""The column to predict: its task, its labels and its values."""

from dataclasses import dataclass

import numpy as np
from scoring.problem import Problem
from scoring.schema import MISSING_TOKENS, did_you_mean, listed, number

from experiment.cells import cell_texts
from experiment.result import Caution, Floats, Integers
from experiment.schema_file import Override
from experiment.table import Table

LEAST_ROWS = 20
_MOST_NUMERIC_CLASSES = 20
_MOST_CLASSES = 100


@dataclass(frozen=True)
class Target:
    """What is to be predicted, for the rows that have a value."""

    name: str
    task: str
    """regression, binomial or multinomial."""
    labels: tuple[str, ...]
    rows: Integers
    """(n,) rows of the table that have a target value, ascending."""
    values: Floats
    """(n,) target values; for classes the index into `labels`."""
    cautions: tuple[Caution, ...] = ()

    @property
    def classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.labels)


def find_target(table: Table, name: str, override: Override = Override()) -> Target:  # noqa: B008
    """Decide the task and read the target; raises Problem when it is unknown, empty or has one class only."""
    require_column(table, name, "target")
    tokens = frozenset(MISSING_TOKENS if override.missing is None else ("", *override.missing))
    texts = [text.strip() for text in cell_texts(table.frame[name])]
    rows = np.array([row for row, text in enumerate(texts) if text not in tokens], dtype=np.int64)
    cautions = []
    if len(rows) < len(texts):
        lost = len(texts) - len(rows)
        cautions.append(
            Caution("missing_target", f"{lost} of {len(texts)} rows have no target and were left out.")
        )
    if len(rows) < LEAST_ROWS:
        raise Problem(
            "too_few_rows",
            400,
            f"{len(rows)} rows have a value of the target {name!r}.",
            f"An experiment needs at least {LEAST_ROWS}; some hundreds are wise.",
        )
    present = [texts[row] for row in rows.tolist()]
    distinct = sorted(set(present))
    numbers = [number(text) for text in distinct]
    if _is_regression(numbers, len(present), override.type):
        values = np.array([float(number(text) or 0.0) for text in present])
        if not np.isfinite(values).all():
            raise Problem(
                "target_infinite", 400, f"The target {name!r} has infinite values.", "Remove those rows."
            )
        return Target(name, "regression", (), rows, values, tuple(cautions))
    if len(distinct) < 2:
        raise Problem(
            "too_few_classes",
            400,
            f"The target {name!r} has one value only, {distinct[0]!r}.",
            "There is nothing to learn: choose another target or add rows.",
        )
    if len(distinct) > _MOST_CLASSES:
        raise Problem(
            "too_many_classes",
            400,
            f"The target {name!r} has {len(distinct)} classes.",
            f"At most {_MOST_CLASSES} are supported: group the rare ones.",
        )
    if all(value is not None for value in numbers):
        distinct.sort(key=lambda text: (number(text) or 0.0, text))
    index = {label: float(position) for position, label in enumerate(distinct)}
    values = np.array([index[text] for text in present])
    for label, count in zip(distinct, np.bincount(values.astype(np.int64)).tolist(), strict=True):
        if count < 20:
            cautions.append(
                Caution("small_class", f"Class {label!r} has {count} rows: its numbers are worth little.")
            )
    task = "binomial" if len(distinct) == 2 else "multinomial"
    return Target(name, task, tuple(distinct), rows, values, tuple(cautions))


def require_column(table: Table, name: str, role: str) -> None:
    """Raise Problem with the nearest name when the table has no column `name`."""
    names = table.frame.columns
    if name not in names:
        raise Problem(
            f"unknown_{role}",
            400,
            f"The data has no column {name!r} for the {role}.",
            did_you_mean(name, names) or f"The columns are {listed(names, 30)}.",
        )


def _is_regression(numbers: list[float | None], rows: int, kind: str | None) -> bool:
    known = [value for value in numbers if value is not None]
    if kind in {"Float32", "Float64"}:
        if len(known) < len(numbers):
            raise Problem("target_not_numeric", 400, "The target is to be a number, but some cells are not.")
        return True
    if kind is not None or len(known) < len(numbers) or len(known) <= 2:
        return False
    whole = all(value == round(value) for value in known if np.isfinite(value))
    return not whole or len(known) > _MOST_NUMERIC_CLASSES or len(known) > rows / 10
