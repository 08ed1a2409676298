"""What an experiment was asked to do, and the rows that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from scoring.problem import Problem
from scoring.schema import TIME64, Field

from experiment.cells import cell_texts, encode, encode_all
from experiment.inference import TARGET, Inputs, infer_inputs
from experiment.progress import Progress
from experiment.recipe import catalogue, find_recipe
from experiment.result import Caution, Floats, Integers
from experiment.schema_file import Override, read_overrides
from experiment.split import Split, split_given, split_groups, split_random, split_time
from experiment.table import Table, read_table
from experiment.target import Target, find_target, require_column


@dataclass(frozen=True)
class Request:
    """The arguments of an experiment that decide on its data."""

    data: Path | None
    target: str | None
    test: Path | None = None
    group: str | None = None
    time: str | None = None
    recipe: str | None = None
    source: Path | None = None
    drop: tuple[str, ...] = ()
    schema: Path | None = None
    seed: int = 1


@dataclass(frozen=True)
class Material:
    """Rows ready for training and testing."""

    table: Table
    target: Target
    split: Split
    inputs: Inputs
    X: Floats
    """(n, fields) of the rows with a target, as the engine reads them."""
    groups: Integers | None
    times: Floats | None
    hidden: Integers
    """Columns of X that the forest must not split on: the time that the split is made by."""
    cautions: tuple[Caution, ...]

    def cells(self, rows: Sequence[int], fields: Sequence[Field]) -> dict[str, list[str]]:
        """Return the cells of the inputs as text, by column, of rows of X."""
        frame = self.table.frame[self.target.rows[np.asarray(rows, dtype=np.int64)].tolist()]
        return {field.name: cell_texts(frame[field.name]) for field in fields}


def gather(request: Request, progress: Progress) -> Material:
    """Load, check, split and encode the data; raises Problem for whatever does not fit."""
    table = _load(request, progress)
    rows_given = table.frame.height
    overrides = {} if request.schema is None else read_overrides(request.schema, table.frame.columns)
    name = request.target or _default_target(request)
    require_column(table, name, "target")
    for column in request.drop:
        require_column(table, column, "drop")
    if request.test is not None:
        table = _with_test(table, request.test, name)
    target = find_target(table, name, overrides.get(name, Override()))
    frame = table.frame[target.rows.tolist()]
    groups = None if request.group is None else _groups(table, frame, request.group)
    times = None if request.time is None else _times(table, frame, request.time)
    if (groups is not None) + (times is not None) + (request.test is not None) > 1:
        raise Problem(
            "split_ambiguous", 400, "Give one of --test, --group and --time.", "They exclude each other."
        )
    if request.test is not None:
        train = int(np.searchsorted(target.rows, rows_given))
        split = split_given(train, len(target.rows) - train, request.test.name)
    elif groups is not None:
        split = split_groups(target.values, target.classes, groups, str(request.group), request.seed)
    elif times is not None:
        split = split_time(times, str(request.time))
    else:
        split = split_random(target.values, target.classes, request.seed)
    _check_split(target, split)
    inputs = infer_inputs(frame[split.train.tolist()], _left_out(request, table, name, frame), overrides)
    X, unreadable = encode_all(frame, inputs.fields)
    hidden = [k for k, field in enumerate(inputs.fields) if field.name == request.time]
    cautions = [*table.cautions, *target.cautions, *inputs.cautions]
    cautions += [
        Caution(
            "unreadable", f"Column {column!r}: {count} cells of test rows cannot be read, taken as missing."
        )
        for column, count in unreadable.items()
    ]
    return Material(
        table, target, split, inputs, X, groups, times, np.array(hidden, dtype=np.int64), tuple(cautions)
    )


def _load(request: Request, progress: Progress) -> Table:
    if (request.data is None) == (request.recipe is None):
        known = ", ".join(catalogue())
        raise Problem(
            "data_ambiguous" if request.data is not None else "data_missing",
            400,
            "Give either a data file or a recipe.",
            f"A file is .csv, .tsv, .parquet or .ndjson; the recipes are {known}.",
        )
    if request.recipe is not None:
        return find_recipe(request.recipe).load(request.source, progress)
    assert request.data is not None
    progress("read the data", 0, 1)
    table = read_table(request.data)
    progress("read the data", 1, 1)
    return table


def _default_target(request: Request) -> str:
    if request.recipe is None:
        raise Problem(
            "unknown_target", 400, "No target is named.", "Name the column to predict with --target."
        )
    return find_recipe(request.recipe).default_target


def _with_test(table: Table, path: Path, target: str) -> Table:
    """Put the rows of a test file after those of the table."""
    test = read_table(path)
    absent = [column for column in table.frame.columns if column not in test.frame.columns]
    if target in absent:
        raise Problem("test_invalid", 400, f"The test file {path.name!r} has no target column {target!r}.")
    columns = []
    for series in table.frame:
        if series.name in absent:
            columns.append(pl.Series(series.name, [None] * test.frame.height, dtype=series.dtype))
            continue
        other = test.frame[series.name]
        if other.dtype != series.dtype and series.dtype == pl.String:
            other = pl.Series(series.name, cell_texts(other), dtype=pl.String)
        elif other.dtype != series.dtype:
            other = other.cast(series.dtype, strict=False)
        columns.append(other)
    cautions = list(table.cautions)
    if absent:
        cautions.append(
            Caution("test_columns", "The test file lacks " + ", ".join(absent) + ": all missing there.")
        )
    return replace(table, frame=pl.concat([table.frame, pl.DataFrame(columns)]), cautions=tuple(cautions))


def _groups(table: Table, frame: pl.DataFrame, name: str) -> Integers:
    require_column(table, name, "group")
    return np.unique(np.array(cell_texts(frame[name])), return_inverse=True)[1].astype(np.int64)


def _times(table: Table, frame: pl.DataFrame, name: str) -> Floats:
    """Return the order of rows in time: dates as seconds, numbers as they are."""
    require_column(table, name, "time")
    for kind in (TIME64, "Float64"):
        values, unreadable = encode(frame[name], Field(name, kind))
        if not unreadable:
            return values
    raise Problem(
        "time_unreadable",
        400,
        f"The time column {name!r} has cells that are neither ISO 8601 times nor numbers.",
        "Write times as 2018-01-31 or 2018-01-31T23:59:59Z.",
    )


def _left_out(request: Request, table: Table, target: str, frame: pl.DataFrame) -> dict[str, str]:
    reasons = {target: TARGET}
    reasons |= dict.fromkeys((name for name in table.targets if name != target), "other answers")
    if request.group is not None:
        reasons[request.group] = "names the group"
    if request.time is not None and encode(frame[request.time], Field(request.time, TIME64))[1]:
        reasons[request.time] = "only orders the rows"
    reasons |= dict.fromkeys(request.drop, "dropped as asked")
    return reasons


def _check_split(target: Target, split: Split) -> None:
    if len(split.test) == 0 or len(split.train) == 0:
        raise Problem("split_empty", 400, "No rows are left to train on or to test with.", "Give more rows.")
    if target.classes:
        counts = np.bincount(target.values[split.train].astype(np.int64), minlength=target.classes)
        for label, count in zip(target.labels, counts.tolist(), strict=True):
            if count == 0:
                raise Problem(
                    "class_not_in_training",
                    400,
                    f"No training row has the class {label!r}.",
                    "Split another way, or remove the rows of that class.",
                )
