"""Fitted scikit-learn transforms as operations of the transform graph.

Nothing is imported from scikit-learn: fitted objects are known by their class and read by their attributes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scoring.graph import Graph
from scoring.pack_encoder import encode
from scoring.schema import FLOAT64
from scoring.source import Column, is_missing, unsupported

Convert = Callable[[Graph, Any, Sequence[Column], str], list[Column]]


def class_name(model: Any) -> str:
    """Give an object's class without the package's inner modules, such as `sklearn.Pipeline`."""
    kind = type(model)
    return f"{kind.__module__.split('.', 1)[0]}.{kind.__qualname__}"


def convert(graph: Graph, transform: Any, columns: Sequence[Column], where: str) -> list[Column]:
    """Add a fitted transform to the graph and return its output columns; raises Problem if it cannot."""
    if transform is None or (isinstance(transform, str) and transform == "passthrough"):
        return list(columns)
    name = class_name(transform)
    if type(transform).__module__.startswith("sklearn.feature_selection"):
        return [columns[i] for i in transform.get_support(indices=True)]
    converter = _CONVERTERS.get(name)
    if converter is None:
        raise unsupported(
            f"{where} is a {type(transform).__module__}.{type(transform).__qualname__},"
            " which an artifact cannot carry",
            f"Take it out of the pipeline and send its results as inputs, or use one of {_known()}.",
        )
    expected = getattr(transform, "n_features_in_", len(columns))
    if expected != len(columns):
        raise unsupported(
            f"{where} was fitted on {expected} columns and is given {len(columns)}",
            "Fit the whole pipeline again.",
        )
    return converter(graph, transform, columns, where)


def steps_of(model: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Take a Pipeline apart into its transforms and its estimator."""
    if class_name(model) != "sklearn.Pipeline":
        return [], model
    *steps, (_, estimator) = model.steps
    if estimator is None or isinstance(estimator, str):
        raise unsupported(
            "The pipeline ends in no estimator", "Give a pipeline that ends in a LightGBM estimator."
        )
    if class_name(estimator) == "sklearn.Pipeline":
        inner, estimator = steps_of(estimator)
        return [*steps, *inner], estimator
    return steps, estimator


def _known() -> str:
    return ", ".join(sorted(name.split(".")[-1] for name in _CONVERTERS))


def _affine(graph: Graph, columns: Sequence[Column], steps: Sequence[tuple[str, Any]]) -> list[Column]:
    """Apply `column op number` step by step; a step has a number for each column, or is None."""
    outputs = []
    for i, column in enumerate(_numeric(columns)):
        number = column.number
        for op, operands in steps:
            if operands is not None:
                number = graph.add(op, number, by=operands[i])
        outputs.append(Column(number, column.name))
    return outputs


def _numeric(columns: Sequence[Column]) -> Sequence[Column]:
    for column in columns:
        if column.source is not None:
            column.source.require(FLOAT64)
    return columns


def _span(columns: Sequence[Column], low: Any, high: Any) -> None:
    for column, lowest, highest in zip(columns, low, high, strict=True):
        if column.source is not None:
            column.source.span(lowest, highest)


def _standard_scaler(graph: Graph, scaler: Any, columns: Sequence[Column], _: str) -> list[Column]:
    if scaler.mean_ is not None and scaler.scale_ is not None:
        _span(columns, scaler.mean_ - 2 * scaler.scale_, scaler.mean_ + 2 * scaler.scale_)
    mean = scaler.mean_ if scaler.with_mean else None
    return _affine(graph, columns, [("sub", mean), ("div", scaler.scale_ if scaler.with_std else None)])


def _min_max_scaler(graph: Graph, scaler: Any, columns: Sequence[Column], _: str) -> list[Column]:
    _span(columns, scaler.data_min_, scaler.data_max_)
    scaled = _affine(graph, columns, [("mul", scaler.scale_), ("add", scaler.min_)])
    return _clip(graph, scaled, *scaler.feature_range) if scaler.clip else scaled


def _max_abs_scaler(graph: Graph, scaler: Any, columns: Sequence[Column], _: str) -> list[Column]:
    _span(columns, -scaler.max_abs_, scaler.max_abs_)
    scaled = _affine(graph, columns, [("div", scaler.scale_)])
    return _clip(graph, scaled, -1.0, 1.0) if getattr(scaler, "clip", False) else scaled


def _robust_scaler(graph: Graph, scaler: Any, columns: Sequence[Column], _: str) -> list[Column]:
    center = scaler.center_ if scaler.with_centering else None
    return _affine(graph, columns, [("sub", center), ("div", scaler.scale_ if scaler.with_scaling else None)])


def _clip(graph: Graph, columns: Sequence[Column], low: float, high: float) -> list[Column]:
    return [Column(graph.add("clip", c.number, low=low, high=high), c.name) for c in columns]


def _simple_imputer(graph: Graph, imputer: Any, columns: Sequence[Column], where: str) -> list[Column]:
    drops = imputer.strategy != "constant" and not imputer.keep_empty_features
    outputs = []
    for column, statistic in zip(columns, imputer.statistics_, strict=True):
        if is_missing(statistic):
            if not drops:
                outputs.append(column)
            continue  # a column without any value in training; scikit-learn drops it
        number = _without_marker(graph, column, imputer.missing_values)
        filler = _value(column, statistic, where)
        outputs.append(Column(graph.add("fill", number, value=filler), column.name, column.source))
    if imputer.add_indicator:
        outputs += _missing_indicator(graph, imputer.indicator_, columns, where)
    return outputs


def _without_marker(graph: Graph, column: Column, marker: Any) -> int:
    """Turn a marker such as -1 or "?" into NaN, leaving every other value as it is."""
    if is_missing(marker):
        return column.number
    # x / 1 is x for every double, x / 0 is NaN in the graph.
    value = _value(column, marker, "")
    divisor = graph.add("match", column.number, keys=[value], values=[0.0], missing=1.0, unseen=1.0)
    return graph.add("div", column.number, divisor)


def _value(column: Column, value: Any, where: str) -> float:
    """Give a cell's double: a number itself, a text its code."""
    if isinstance(value, str):
        if column.source is None:
            raise unsupported(f"{where} fills a computed column with text", "Fill the input column itself.")
        return float(column.source.code(value))
    if column.source is not None:
        column.source.require(FLOAT64)
    return float(value)


def _missing_indicator(graph: Graph, indicator: Any, columns: Sequence[Column], _: str) -> list[Column]:
    outputs = []
    for i in indicator.features_:
        column, marker = columns[i], indicator.missing_values
        if is_missing(marker):
            number = graph.add("isnan", column.number)
        else:
            number = graph.add("equal", column.number, value=_value(column, marker, ""))
        outputs.append(Column(number, f"{column.name}_missing"))
    return outputs


def _identity(_: Graph, transform: Any, columns: Sequence[Column], where: str) -> list[Column]:
    if transform.func is not None:
        function = getattr(transform.func, "__name__", "given")
        raise unsupported(
            f"{where} is a FunctionTransformer with the function {function!r}, and an artifact holds no code",
            "Compute that column before scoring and send it as an input.",
        )
    return list(columns)


def _pipeline(graph: Graph, pipeline: Any, columns: Sequence[Column], where: str) -> list[Column]:
    found = list(columns)
    for name, step in pipeline.steps:
        found = convert(graph, step, found, f"{where}, step {name!r}")
    return found


def _feature_union(graph: Graph, union: Any, columns: Sequence[Column], where: str) -> list[Column]:
    weights = union.transformer_weights or {}
    outputs: list[Column] = []
    for name, transform in union.transformer_list:
        if isinstance(transform, str) and transform == "drop":
            continue
        part = convert(graph, transform, columns, f"{where}, transformer {name!r}")
        if name in weights:
            part = _affine(graph, part, [("mul", [weights[name]] * len(part))])
        outputs += part
    return outputs


def _column_transformer(
    graph: Graph, transformer: Any, columns: Sequence[Column], where: str
) -> list[Column]:
    names = getattr(transformer, "feature_names_in_", None)
    known = [column.name for column in columns] if names is None else [str(name) for name in names]
    outputs: list[Column] = []
    for name, transform, selection in transformer.transformers_:
        if isinstance(transform, str) and transform == "drop":
            continue
        chosen = [columns[i] for i in _positions(selection, known)]
        if chosen:
            outputs += convert(graph, transform, chosen, f"{where}, transformer {name!r}")
    return outputs


def _positions(selection: Any, names: Sequence[str]) -> list[int]:
    """Resolve a fitted ColumnTransformer's choice of columns: names, positions, a slice or a mask."""
    if isinstance(selection, slice):
        start, stop = selection.start, selection.stop
        if isinstance(start, str):
            start = names.index(start)
        if isinstance(stop, str):
            stop = names.index(stop) + 1  # a slice of names includes its end
        return list(range(len(names)))[start : stop : selection.step]
    if isinstance(selection, str | int | np.integer):
        selection = [selection]
    items = list(selection)
    if items and all(isinstance(item, bool | np.bool_) for item in items):
        return [i for i, chosen in enumerate(items) if chosen]
    return [names.index(item) if isinstance(item, str) else range(len(names))[int(item)] for item in items]


_CONVERTERS: dict[str, Convert] = {
    "sklearn.ColumnTransformer": _column_transformer,
    "sklearn.FeatureUnion": _feature_union,
    "sklearn.FunctionTransformer": _identity,
    "sklearn.MaxAbsScaler": _max_abs_scaler,
    "sklearn.MinMaxScaler": _min_max_scaler,
    "sklearn.MissingIndicator": _missing_indicator,
    "sklearn.OneHotEncoder": encode,
    "sklearn.OrdinalEncoder": encode,
    "sklearn.Pipeline": _pipeline,
    "sklearn.RobustScaler": _robust_scaler,
    "sklearn.SimpleImputer": _simple_imputer,
    "sklearn.StandardScaler": _standard_scaler,
    "sklearn.TargetEncoder": encode,
}
