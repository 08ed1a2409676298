"""Packing: from a trained model to an artifact that is known to answer as the model does."""

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from scoring.artifact import Artifact
from scoring.graph import Graph
from scoring.pack_lightgbm import Floats, Forest, open_forest, task_and_labels
from scoring.pack_schema import bind_categories, fields, overrides
from scoring.pack_sklearn import class_name, convert
from scoring.problem import Problem
from scoring.sample import as_raw, expectations, from_rows, synthesise
from scoring.schema import STR, Schema
from scoring.scorer import Scorer
from scoring.source import Column, Source, unsupported
from scoring.table import open_table

TOLERANCE = 1e-12
"""Largest difference of a feature from scikit-learn's, relative to its size above 1."""


def pack(
    model: Any,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    target: str | None = None,
    schema: Schema | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    X: Any = None,
    metrics: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Artifact:
    """Freeze a trained model in an artifact at `path`, after checking that it answers as the model does.

    `model` is a `lightgbm.Booster`, a fitted LightGBM estimator, the path of a LightGBM text file, or a
    fitted scikit-learn Pipeline of common transforms that ends in a LightGBM estimator. `labels` are the
    classes in the order of the model's outputs. `target` names what is predicted (default "target"), `name`
    the pipeline (default: the file's name). `schema` overrides what is known of the inputs: a mapping from
    names to `type`, `missing`, `categories`, `example`, `min`, `max`, or the path of such a JSON file. `X`
    are rows as the model takes them; they become examples and sample rows, and a data frame gives names and
    types.

    Raises Problem naming the step that an artifact cannot carry, or the first answer that differs from the
    model's: raw scores must agree to the last bit, features of a scikit-learn pipeline to 1e-12.
    """
    steps, estimator = _steps(model)
    forest = open_forest(estimator)
    task, found_labels = task_and_labels(forest, labels)
    sources = [Source(item) for item in _input_names(steps, estimator, forest, X)]
    graph = Graph([source.name for source in sources])
    columns = [Column(i, source.name, source) for i, source in enumerate(sources)]
    for step_name, step in steps:
        columns = convert(graph, step, columns, f"The step {step_name!r}")
    if len(columns) != forest.header.features:
        raise unsupported(
            f"The transforms give {len(columns)} features and the model reads {forest.header.features}",
            "Fit the whole pipeline again.",
        )
    wishes = overrides(schema, [source.name for source in sources])
    columns = bind_categories(graph, columns, forest, None if steps else X, wishes)
    inputs = fields(sources, columns, forest.header, X, wishes)
    features = graph.to_bytes([column.number for column in columns], _feature_names(steps, columns))

    def create(samples: Mapping[str, Any] | None) -> Artifact:
        return Artifact.create(
            name=name or Path(path).stem,
            task=task,
            target=target or "target",
            labels=found_labels,
            inputs=inputs,
            features=features,
            forest=forest.text,
            samples=samples,
            libraries=_libraries(model),
            metrics=metrics,
            data=data,
        )

    scorer = Scorer(create(None))
    rows = _checked_rows(scorer, forest, model if steps else None, X)
    return create(expectations(scorer, rows)).write(path)


def _steps(model: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Take a Pipeline apart into its transforms and its estimator."""
    if class_name(model) != "sklearn.Pipeline":
        return [], model
    *steps, (_, estimator) = model.steps
    if class_name(estimator) == "sklearn.Pipeline":
        inner, estimator = _steps(estimator)
        return [*steps, *inner], estimator
    return steps, estimator


def _input_names(steps: Sequence[tuple[str, Any]], estimator: Any, forest: Forest, X: Any) -> list[str]:
    fitted = [step for _, step in steps if not isinstance(step, str) and step is not None]
    first = fitted[0] if fitted else estimator
    if steps:
        while class_name(first) == "sklearn.Pipeline":  # a Pipeline knows its inputs by its first step
            first = next(step for _, step in first.steps if not isinstance(step, str) and step is not None)
        named = getattr(first, "feature_names_in_", None)
        if named is not None:
            return [str(item) for item in named]
    table = None if X is None else open_table(X)
    count = getattr(first, "n_features_in_", forest.header.features) if steps else forest.header.features
    if table is not None and len(table.names) == count:
        same = [item.replace(" ", "_") for item in table.names]  # LightGBM's names have no blanks
        if steps or same == [item.replace(" ", "_") for item in forest.header.feature_names]:
            return list(table.names)
    if steps:
        return [f"x{i}" for i in range(count)]
    return list(forest.header.feature_names)


def _feature_names(steps: Sequence[tuple[str, Any]], columns: Sequence[Column]) -> list[str]:
    """Name the features as scikit-learn does where it can, else by the columns they come from."""
    names: list[str] | None = None
    for _, step in steps:
        if isinstance(step, str) or step is None:
            continue
        try:
            names = [str(item) for item in step.get_feature_names_out(names)]
        except (AttributeError, ValueError, TypeError):
            names = None
            break
    found = names if names is not None and len(names) == len(columns) else [column.name for column in columns]
    used: dict[str, int] = {}
    unique = []
    for item in found:
        used[item] = used.get(item, 0) + 1
        unique.append(item if used[item] == 1 else f"{item}_{used[item]}")
    return unique


def _libraries(model: Any) -> dict[str, str]:
    """Tell the versions of the libraries that made the model, as far as they are loaded."""
    from scoring import __version__

    found = {"scoring-core": __version__}
    if not isinstance(model, str | os.PathLike):
        loaded = {"lightgbm": "lightgbm", "scikit-learn": "sklearn"}
        roots = {type(model).__module__.split(".", 1)[0], "lightgbm"}
        for library, module in loaded.items():
            if module in roots and module in sys.modules:
                found[library] = str(sys.modules[module].__version__)
    return found


def _checked_rows(scorer: Scorer, forest: Forest, pipeline: Any, X: Any) -> list[list[str]]:
    """Choose sample rows and make sure that the engine answers for them as the model itself does."""
    if X is not None:
        rows = from_rows(scorer.schema, X)
        if pipeline is None:
            _compare_table(scorer, forest, X)
    else:
        rows = synthesise(scorer.schema, missing=True)
    if pipeline is not None and rows:
        rows = _compare_features(scorer, pipeline, rows, X is None)
    if forest.oracle is not None and rows:
        matrix = scorer.matrix(rows)
        features = scorer.transform(matrix)
        _same_bits(scorer.engine.predict(matrix, True), forest.oracle(features))
    return rows


def _compare_table(scorer: Scorer, forest: Forest, X: Any) -> None:
    """Score the caller's own rows both ways, if LightGBM takes them as they are."""
    if forest.oracle is None:
        return
    head = X[: len(from_rows(scorer.schema, X))]
    try:
        expected = forest.oracle(head)
    except Exception:  # noqa: BLE001 -- whatever LightGBM refuses cannot be compared
        return
    _same_bits(scorer.predict(head, raw_score=True), expected)


def _compare_features(scorer: Scorer, pipeline: Any, rows: list[list[str]], made_up: bool) -> list[list[str]]:
    """Run the rows through the pipeline's own transforms; made-up rows that it refuses are made anew without gaps."""
    transform = _transform_of(pipeline)
    try:
        expected = transform(_frame(scorer.schema, rows, pipeline))
    except Exception as fault:
        if not made_up:
            raise unsupported(
                f"The pipeline refuses the rows given as X ({fault})", "Give rows it accepts."
            ) from None
        rows = synthesise(scorer.schema, missing=False)
        try:
            expected = transform(_frame(scorer.schema, rows, pipeline))
        except Exception as again:
            raise unsupported(
                f"The pipeline refuses rows made up to check it ({again})",
                "Give a few rows of your own as X.",
            ) from None
    found = scorer.transform(rows)
    near = np.abs(found - expected) <= TOLERANCE * np.maximum(1.0, np.abs(expected))
    wrong = ~(near | (found == expected) | (np.isnan(found) & np.isnan(expected)))
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        raise _differs(
            f"feature {scorer.engine.feature_names[place]!r} of sample row {row} is {found[row, place]!r}"
            f" and scikit-learn's is {expected[row, place]!r}"
        )
    return rows


def _transform_of(pipeline: Any) -> Callable[[Any], Floats]:
    def transform(frame: Any) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = frame
            for _, step in _steps(pipeline)[0]:
                if not isinstance(step, str) and step is not None:
                    result = step.transform(result)
        return np.asarray(result.toarray() if hasattr(result, "toarray") else result, np.float64)

    return transform


def _frame(schema: Schema, rows: Sequence[Sequence[str]], pipeline: Any) -> Any:
    """Build what the pipeline was fitted on: a data frame if it knows column names, else an array."""
    columns = {field.name: [as_raw(field, row[i]) for row in rows] for i, field in enumerate(schema)}
    text = [field.name for field in schema if field.type == STR]
    if getattr(pipeline, "feature_names_in_", None) is not None:
        arrays = {
            key: np.array(values, object) if key in text else np.array(values, np.float64)
            for key, values in columns.items()
        }
        return import_module("pandas").DataFrame(arrays)
    return np.array(list(columns.values()), object if text else np.float64).T


def _same_bits(found: Floats, expected: Floats) -> None:
    found, expected = found.reshape(len(found), -1), expected.reshape(len(expected), -1)
    wrong = ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        raise _differs(
            f"the raw score of sample row {row} is {found[row, place]!r}, and LightGBM's is {expected[row, place]!r}"
        )


def _differs(what: str) -> Problem:
    return Problem(
        "parity_failed",
        500,
        f"The artifact is not written, because it would answer differently: {what}.",
        "Please report this with the model.",
    )
