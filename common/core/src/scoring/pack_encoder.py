"""Fitted scikit-learn encoders as tables: what each category, a missing value and an unseen one become.

An encoder is asked, not imitated: its own `transform` runs once over its own categories, so that infrequent
categories, dropped ones and smoothing come out exactly as it computes them.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.graph import Graph
from scoring.schema import STR
from scoring.source import Column, category_type, is_missing, unsupported

Floats = NDArray[np.float64]


def encode(graph: Graph, encoder: Any, columns: Sequence[Column], where: str) -> list[Column]:
    """Add the output columns of a OneHotEncoder, OrdinalEncoder or TargetEncoder to the graph."""
    categories = [list(found) for found in encoder.categories_]
    types = [category_type(found, f"{where}, column {i}") for i, found in enumerate(categories)]
    widths = _widths(encoder, categories)
    known, missing, unseen = _ask(encoder, categories, types)
    if known.shape[1] != sum(widths):
        raise unsupported(
            f"{where} gives {known.shape[1]} columns where {sum(widths)} belong", "Fit it again."
        )
    outputs: list[Column] = []
    position = 0
    for column, found, type_, width in zip(columns, categories, types, widths, strict=True):
        if column.source is not None:
            column.source.require(type_)
        elif type_ == STR:
            raise unsupported(f"{where} reads text from a computed column", "Encode the input column itself.")
        for place in range(position, position + width):
            values = known[: len(found), place]
            number = _table(graph, column, type_, found, values, missing[place], unseen[place], where)
            outputs.append(Column(number, f"{column.name}_{place - position}"))
        position += width
    return outputs


def _widths(encoder: Any, categories: Sequence[Sequence[Any]]) -> list[int]:
    """Count the output columns of each input column."""
    kind = type(encoder).__name__
    if kind == "TargetEncoder":
        return [len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1] * len(categories)
    if kind == "OrdinalEncoder":
        return [1] * len(categories)
    dropped = [None] * len(categories) if encoder.drop_idx_ is None else list(encoder.drop_idx_)
    rare = getattr(encoder, "infrequent_categories_", None) or [None] * len(categories)
    return [
        len(found) - (0 if few is None else len(few) - 1) - (drop is not None)
        for found, few, drop in zip(categories, rare, dropped, strict=True)
    ]


def _ask(
    encoder: Any, categories: Sequence[Sequence[Any]], types: Sequence[str]
) -> tuple[Floats, Floats, Floats]:
    """Run the encoder over its categories: the outputs by category, for missing and for unseen values."""
    tolerant = type(encoder).__name__ == "TargetEncoder" or encoder.handle_unknown != "error"
    rows: list[list[Any]] = [
        [found[min(row, len(found) - 1)] for found in categories] for row in range(max(map(len, categories)))
    ]
    count = len(rows)
    seen = [any(map(is_missing, found)) for found in categories]
    rows.append(
        [np.nan if tolerant and not some else found[0] for found, some in zip(categories, seen, strict=True)]
    )
    strange = [_stranger(found, type_) for found, type_ in zip(categories, types, strict=True)]
    rows.append([new if tolerant else found[0] for found, new in zip(categories, strange, strict=True)])
    cells = np.empty((len(rows), len(categories)), object if STR in types else np.float64)
    cells[:] = rows
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # about names of columns and about the unseen values, which are wanted
        result = encoder.transform(cells)
    outputs = np.asarray(result.toarray() if hasattr(result, "toarray") else result, np.float64)
    known, missing, unseen = outputs[:count], outputs[count].copy(), outputs[count + 1].copy()
    if not tolerant:
        missing[:] = unseen[:] = 0.0 if type(encoder).__name__ == "OneHotEncoder" else np.nan
    position = 0
    for found, width in zip(categories, _widths(encoder, categories), strict=True):
        rows_missing = [row for row, category in enumerate(found) if is_missing(category)]
        if rows_missing:
            missing[position : position + width] = known[rows_missing[0], position : position + width]
        position += width
    return known, missing, unseen


def _stranger(categories: Sequence[Any], type_: str) -> Any:
    """Make a value that is not among the categories."""
    if type_ == STR:
        return "".join(str(category) for category in categories) + "?"
    numbers = [float(category) for category in categories if not is_missing(category)]
    return np.nextafter(max(numbers, default=0.0), np.inf) + 1.0


def _table(
    graph: Graph,
    column: Column,
    type_: str,
    categories: Sequence[Any],
    values: Floats,
    missing: float,
    unseen: float,
    where: str,
) -> int:
    """Add the node that maps each category to its value."""
    gone = {float(value) for category, value in zip(categories, values, strict=True) if is_missing(category)}
    if len(gone) > 1:
        raise unsupported(
            f"{where} tells None from NaN in the column {column.name!r}, which an artifact does not",
            "Replace one by the other before fitting.",
        )
    pairs = [(c, float(v)) for c, v in zip(categories, values, strict=True) if not is_missing(c)]
    keys = [_key(column, type_, category) for category, _ in pairs]
    ones = [key for key, (_, value) in zip(keys, pairs, strict=True) if value != 0.0]
    if missing == unseen == 0.0 and len(ones) == 1 and all(value in (0.0, 1.0) for _, value in pairs):
        return graph.add("equal", column.number, value=ones[0])
    if missing == 1.0 and unseen == 0.0 and not ones:
        return graph.add("isnan", column.number)
    mapping = {key: value for key, (_, value) in zip(keys, pairs, strict=True)}
    rest = {"missing": missing, "unseen": unseen}
    if type_ != STR:
        order = sorted(mapping)
        return graph.add("match", column.number, keys=order, values=[mapping[key] for key in order], **rest)
    size = int(max(mapping, default=-1.0)) + 1
    return graph.add(
        "lookup", column.number, table=[mapping.get(float(i), unseen) for i in range(size)], **rest
    )


def _key(column: Column, type_: str, category: Any) -> float:
    if type_ != STR:
        return float(category)
    assert column.source is not None
    return float(column.source.code(str(category)))
