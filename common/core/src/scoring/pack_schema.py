"""The schema of a model that is being packed, by what the model, its sample rows and the caller know."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scoring.cell import CellError
from scoring.forest import Header
from scoring.graph import Graph
from scoring.pack_lightgbm import Forest
from scoring.problem import Problem
from scoring.reader import reader
from scoring.sample import cell_text, example
from scoring.schema import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    MISSING_TOKENS,
    STR,
    TIME64,
    UNSEEN,
    Field,
    Schema,
    did_you_mean,
    listed,
)
from scoring.source import Column, Source, category_text, category_type, unsupported
from scoring.table import Table, open_table, plain_cells

_FORM = 'Write {"field name": {"type": ..., "missing": [...], "categories": [...], "example": ...}, ...}.'

Overrides = Mapping[str, Mapping[str, Any]]


def overrides(
    schema: Schema | Mapping[str, Any] | str | os.PathLike[str] | None, names: Sequence[str]
) -> Overrides:
    """Read what the caller says of the inputs, by name; raises Problem for a field that does not exist."""
    if schema is None:
        return {}
    if isinstance(schema, Schema):
        body: Any = schema.to_dict()
    else:
        body = _read(Path(schema)) if isinstance(schema, str | os.PathLike) else schema
    if isinstance(body, Mapping) and isinstance(body.get("inputs"), list):
        body = {item.get("name"): item for item in body["inputs"] if isinstance(item, Mapping)}
    if not isinstance(body, Mapping) or not all(isinstance(item, Mapping) for item in body.values()):
        raise _invalid("is not an object with an object for each field")
    for name, wish in body.items():
        if wish.get("name", name) != name:
            raise _invalid(f"renames {name!r}", "An input keeps the name that the model gives it.")
        if name not in names:
            hint = did_you_mean(str(name), names) or f"The inputs are {listed(names)}."
            raise _invalid(f"describes {name!r}, which is not an input", hint)
    return body


def bind_categories(
    graph: Graph, columns: Sequence[Column], forest: Forest, X: Any, wishes: Overrides
) -> list[Column]:
    """Give the features that were category columns of a data frame the codes they had in training."""
    bound = list(columns)
    lists = forest.categories
    positions = _category_positions(columns, forest, X, wishes) if lists else []
    for position, categories in zip(positions, lists, strict=True):
        column = columns[position]
        if column.source is None or column.number >= len(graph.inputs):
            raise unsupported(
                f"The feature {column.name!r} is a category column that the pipeline computes",
                "Encode it with an OrdinalEncoder, or pass the input column through unchanged.",
            )
        ordered = forest.header.feature_infos[position].startswith("[")
        bound[position] = _bind(graph, column, column.source, categories, ordered)
    for column, original in zip(bound, columns, strict=True):
        if column is original and column.source is not None and column.source.type == STR:
            raise unsupported(
                f"The column {column.name!r} holds text and reaches the forest without an encoder",
                "Encode it, or train on a category column.",
            )
    return bound


def fields(
    sources: Sequence[Source], columns: Sequence[Column], header: Header, X: Any, wishes: Overrides
) -> list[Field]:
    """Describe each input by what the transforms, the forest's ranges, sample rows and the caller know."""
    table = None if X is None else open_table(X)
    for column, info in zip(columns, header.feature_infos, strict=True):
        if column.source is not None and column.number < len(sources) and info.startswith("["):
            low, high = info[1:-1].split(":")
            column.source.span(float(low), float(high))
    return [
        _field(source, position, table, X, wishes.get(source.name, {}))
        for position, source in enumerate(sources)
    ]


def _category_positions(
    columns: Sequence[Column], forest: Forest, X: Any, wishes: Overrides
) -> Sequence[int]:
    lists = forest.categories
    frame_dtypes = getattr(X, "dtypes", None)
    if frame_dtypes is not None and len(frame_dtypes) == len(columns):
        found = [i for i, dtype in enumerate(frame_dtypes) if str(dtype) == "category"]
        if len(found) == len(lists):
            return found
    texts = [[category_text(category) for category in categories] for categories in lists]
    wished = [i for i, column in enumerate(columns) if wishes.get(column.name, {}).get("categories") in texts]
    if len(wished) == len(lists):
        return wished
    told = forest.category_positions()
    if told is None:
        raise unsupported(
            f"The model was trained on {len(lists)} category columns, and its text does not tell which",
            "Give a few rows of the training data frame as X, or their categories in the schema.",
        )
    return told


def _bind(graph: Graph, column: Column, source: Source, categories: Sequence[Any], ordered: bool) -> Column:
    texts = [category_text(category) for category in categories]
    if source.categories is None:
        source.type = category_type(categories, f"The column {source.name!r}")
        source.categories = texts
        if not ordered:
            return Column(column.number, column.name, source)
    # LightGBM makes an unseen category a missing value; only splits that compare codes as numbers can tell.
    unseen = float("nan") if ordered else UNSEEN
    order = {text: float(code) for code, text in enumerate(texts)}
    table = [order.get(text, unseen) for text in source.categories]
    number = graph.add("lookup", column.number, table=table, missing=float("nan"), unseen=unseen)
    return Column(number, column.name)


def _field(source: Source, position: int, table: Table | None, X: Any, wish: Mapping[str, Any]) -> Field:
    cells = None
    if table is not None and source.name in table.names:
        cells = table.column(source.name)
    elif isinstance(X, np.ndarray) and X.ndim == 2 and position < X.shape[1]:
        cells = X[:, position]
    type_ = (
        source.type if source.categories is not None or source.type == STR else _column_type(source, cells)
    )
    categories = source.categories if source.categories is not None else ([] if type_ == STR else None)
    known: dict[str, Any] = {
        "name": source.name,
        "type": type_,
        "missing": [token for token in MISSING_TOKENS if token not in (categories or ())],
        "min": None if categories is not None else source.low,
        "max": None if categories is not None else source.high,
    }
    if categories is not None:
        known["categories"] = categories
    if categories and source.categories and list(wish.get("categories", categories)) != categories:
        raise _invalid(
            f"changes the categories of {source.name!r}, which the model fixes",
            f"They are {listed(categories)}.",
        )
    merged = {**known, **{key: value for key, value in wish.items() if value is not None}}
    field = Field.from_dict(merged, f"The schema of {source.name!r}")
    if field.example:
        return _with_readable_example(field)
    first = (
        None
        if cells is None
        else next((c for c in plain_cells(cells[:20]) if c is not None and c == c), None)
    )
    shown = None if first is None else cell_text(field, first)
    return replace(field, example=shown or example(field))


def _with_readable_example(field: Field) -> Field:
    try:
        reader(field).cell(field.example)
    except CellError as fault:
        raise _invalid(
            f"gives {field.name!r}, which is {field.type}, an example that is {fault.found}",
            reader(field).advice,
        ) from None
    return field


def _column_type(source: Source, cells: Any) -> str:
    if cells is None or source.type == BOOL:
        return source.type or FLOAT64
    dtype = cells.dtype
    if dtype.kind == "M":
        return TIME64
    known = {"b1": BOOL, "i4": INT32, "i8": INT64, "f4": FLOAT32, "f8": FLOAT64}
    return known.get(
        f"{dtype.kind}{dtype.itemsize}", source.type or (INT64 if dtype.kind in "iu" else FLOAT64)
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise _invalid(f"cannot be read from {str(path)!r}: {fault.strerror}") from None
    except ValueError as fault:
        raise _invalid(f"in {str(path)!r} is not JSON: {fault}") from None


def _invalid(what: str, hint: str = _FORM) -> Problem:
    return Problem("schema_invalid", 400, f"The schema {what}.", hint)
