"""Parity: a new scorer answers for sample rows exactly as the model that it was made from."""

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from scoring.pack_lightgbm import Floats, Forest
from scoring.pack_sklearn import steps_of
from scoring.problem import Problem
from scoring.sample import MOST, as_raw, from_rows, synthesise
from scoring.schema import STR, Schema
from scoring.scorer import Scorer
from scoring.source import unsupported

TOLERANCE = 1e-12
"""Largest difference of a feature from scikit-learn's, relative to its size above 1."""


def checked_rows(
    scorer: Scorer, forest: Forest, pipeline: Any, X: Any, unread: Mapping[str, Any]
) -> list[list[str]]:
    """Choose sample rows and make sure that the engine answers for them as the model itself does.

    `pipeline` is the scikit-learn pipeline or None, `X` the caller's rows or None, and `unread` maps the
    columns that the pipeline takes but nothing reads to a value that they may have. Raises Problem at the
    first difference.
    """
    if X is None:
        rows = synthesise(scorer.schema, missing=True)
    else:
        X = X[:MOST]
        scorer.matrix(X)  # a width, a name or a cell that does not fit is told here
        rows = from_rows(scorer.schema, X)
    if pipeline is None:
        _compare_table(scorer, forest, X)
    elif X is None:
        rows = _compare_made_up(scorer, pipeline, rows, unread)
    else:
        _compare_given(scorer, pipeline, X)
    if forest.oracle is not None and rows:
        matrix = scorer.matrix(rows)
        _same_bits(scorer.engine.predict(matrix, True), forest.oracle(scorer.transform(matrix)))
    return rows


def _compare_table(scorer: Scorer, forest: Forest, X: Any) -> None:
    """Score the caller's own rows both ways, if LightGBM takes them as they are."""
    if X is None or forest.oracle is None:
        return
    try:
        expected = forest.oracle(X)
    except Exception:  # noqa: BLE001 -- what LightGBM refuses cannot be compared
        return
    _same_bits(scorer.predict(X, raw_score=True), expected)


def _compare_given(scorer: Scorer, pipeline: Any, X: Any) -> None:
    try:
        expected = _transform(pipeline, _widened(X))
    except Exception as fault:  # noqa: BLE001 -- any transform may refuse in its own way
        raise unsupported(
            f"The pipeline refuses the rows given as X ({fault})", "Give rows it takes."
        ) from None
    _check_features(scorer, scorer.transform(X), expected)


def _widened(X: Any) -> Any:
    """Turn float32 into float64: scikit-learn calculates in the type it is given, the engine in float64."""
    if isinstance(X, np.ndarray):
        return X.astype(np.float64) if X.dtype == np.float32 else X
    dtypes: Any = getattr(X, "dtypes", None)
    if hasattr(dtypes, "items"):
        return X.astype({name: np.float64 for name, dtype in dtypes.items() if dtype == np.float32})
    return X


def _compare_made_up(
    scorer: Scorer, pipeline: Any, rows: list[list[str]], unread: Mapping[str, Any]
) -> list[list[str]]:
    """Run made-up rows through the pipeline's transforms; returns the rows that it accepted.

    A gap in text is NaN or None, whichever the pipeline was fitted with; some pipelines refuse gaps.
    """
    full = synthesise(scorer.schema, missing=False)
    fault: Exception | None = None
    differing: Problem | None = None
    for candidates, gap in ((rows, np.nan), (rows, None), (full, None)):
        try:
            expected = _transform(pipeline, _frame(scorer.schema, candidates, pipeline, gap, unread))
        except Exception as refusal:  # noqa: BLE001 -- any transform may refuse in its own way
            fault = refusal
            continue
        try:
            _check_features(scorer, scorer.transform(candidates), expected)
        except Problem as problem:
            differing = differing or problem
            continue
        return candidates
    raise differing or unsupported(
        f"The pipeline refuses rows made up to check it ({fault})", "Give a few rows of your own as X."
    )


def _transform(pipeline: Any, frame: Any) -> Floats:
    """Compute the features with scikit-learn; category columns become their codes, as in LightGBM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = frame
        for _, step in steps_of(pipeline)[0]:
            if not isinstance(step, str) and step is not None:
                result = step.transform(result)
    if hasattr(result, "dtypes") and hasattr(result, "items"):
        columns = [column.cat.codes if hasattr(column, "cat") else column for _, column in result.items()]
        values = np.column_stack([np.asarray(column, np.float64) for column in columns])
        coded = [hasattr(column, "cat") for _, column in result.items()]
        return np.where((values < 0) & np.array(coded), np.nan, values)
    return np.asarray(result.toarray() if hasattr(result, "toarray") else result, np.float64)


def _check_features(scorer: Scorer, found: Floats, expected: Floats) -> None:
    near = np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if not near.all():
        row, place = np.argwhere(~near)[0]
        raise _differs(
            f"feature {scorer.engine.feature_names[place]!r} of sample row {row} is {found[row, place]},"
            f" and scikit-learn's is {expected[row, place]}"
        )


def _frame(
    schema: Schema, rows: Sequence[Sequence[str]], pipeline: Any, gap: Any, unread: Mapping[str, Any]
) -> Any:
    """Build what the pipeline was fitted on: a data frame if it knows column names, else an array."""
    columns = {}
    for position, field in enumerate(schema):
        cells = [as_raw(field, row[position]) for row in rows]
        if field.type == STR:
            columns[field.name] = np.array([gap if cell is None else cell for cell in cells], object)
        else:
            columns[field.name] = np.array(cells, np.float64)
    names = getattr(pipeline, "feature_names_in_", None)
    if names is not None:
        columns |= {name: np.full(len(rows), value) for name, value in unread.items()}
        return import_module("pandas").DataFrame(columns)
    text = any(column.dtype == object for column in columns.values())
    return np.array(list(columns.values()), object if text else np.float64).T


def _same_bits(found: Floats, expected: Floats) -> None:
    found, expected = found.reshape(len(found), -1), expected.reshape(len(expected), -1)
    wrong = ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        raise _differs(
            f"the raw score of sample row {row} is {found[row, place].hex()},"
            f" and LightGBM's is {expected[row, place].hex()}"
        )


def _differs(what: str) -> Problem:
    return Problem(
        "parity_failed",
        500,
        f"The artifact is not written, because it would answer differently: {what}.",
        "Please report this with the model.",
    )
