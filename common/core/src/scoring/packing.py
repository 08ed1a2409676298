"""Packing: from a trained model to an artifact that is known to answer as the model does."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scoring.artifact import Artifact
from scoring.document import write_document
from scoring.graph import Graph
from scoring.pack_lightgbm import Forest, open_forest, task_and_labels
from scoring.pack_schema import bind_categories, fields, overrides
from scoring.pack_sklearn import class_name, convert, steps_of
from scoring.parity import checked_rows
from scoring.sample import expectations
from scoring.schema import Field, Schema
from scoring.scorer import Scorer
from scoring.source import Column, Source, unsupported
from scoring.table import open_table


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
    _check_arguments(name, labels, target, {"metrics": metrics, "data": data})
    if X is not None and not _is_rows(X):
        raise unsupported(
            f"X is a {type(X).__name__} that holds no rows",
            "Give rows as an array of two dimensions, a list of lists or a data frame.",
        )
    steps, estimator = steps_of(model)
    forest = open_forest(estimator)
    task, found_labels = task_and_labels(forest, labels)
    plan = _plan(steps, estimator, forest, X, schema)

    def create(samples: Mapping[str, Any] | None) -> Artifact:
        return Artifact.create(
            name=name or Path(path).stem,
            task=task,
            target=target or "target",
            labels=found_labels,
            inputs=plan.inputs,
            features=plan.features,
            forest=forest.text,
            samples=samples,
            libraries=_libraries(model),
            metrics=metrics,
            data=data,
        )

    scorer = Scorer(create(None))
    rows = checked_rows(scorer, forest, model if steps else None, X, plan.unread)
    return create(expectations(scorer, rows)).write(path)


def _check_arguments(name: Any, labels: Any, target: Any, notes: Mapping[str, Any]) -> None:
    """Raise Problem for what type hints forbid and the manifest could not say."""
    for what, value in (("name", name), ("target", target)):
        if value is not None and not isinstance(value, str):
            raise unsupported(f"The {what} is no text but {value!r}", f"Give the {what} as text.")
    if isinstance(labels, str):
        raise unsupported("The labels are one text", "Give a list with a label for each class.")
    for what, value in notes.items():
        try:
            write_document(value)
        except (TypeError, ValueError) as fault:
            raise unsupported(
                f"The {what} cannot be written as JSON ({fault})",
                "Use text, lists, mappings and finite Python numbers.",
            ) from None


def _is_rows(X: Any) -> bool:
    if isinstance(X, list | tuple):
        return bool(X) and all(isinstance(row, list | tuple | np.ndarray) for row in X)
    if isinstance(X, np.ndarray):
        return X.ndim == 2 and X.size > 0
    return hasattr(X, "columns") and hasattr(X, "__len__") and len(X) > 0


class _Plan(NamedTuple):
    """What the artifact reads and how it makes features of it."""

    inputs: list[Field]
    features: bytes
    unread: dict[str, Any]
    """Columns that the pipeline takes but nothing reads, with a value that they may have."""


def _plan(
    steps: Sequence[tuple[str, Any]],
    estimator: Any,
    forest: Forest,
    X: Any,
    schema: Schema | Mapping[str, Any] | str | os.PathLike[str] | None,
) -> _Plan:
    """Draw the transform graph and describe its inputs."""
    names, known = _input_names(steps, estimator, forest, X)
    sources = [Source(item) for item in names]
    graph = Graph(names)
    columns = [Column(i, source.name, source) for i, source in enumerate(sources)]
    for step_name, step in steps:
        columns = convert(graph, step, columns, f"The step {step_name!r}")
    if len(columns) != forest.header.features:
        raise unsupported(
            f"The transforms give {len(columns)} features and the model reads {forest.header.features}",
            "Fit the whole pipeline again.",
        )
    wishes = overrides(schema, names)
    columns = bind_categories(graph, columns, forest, None if steps else X, wishes)
    outputs = [column.number for column in columns]
    read = graph.used(outputs)
    kept = read if known else list(range(len(sources)))  # columns without names are told by their position
    unread = {sources[i].name: sources[i].filler for i in range(len(sources)) if i not in kept}
    for position in set(kept) - set(read):
        sources[position].ignore()
    inputs = fields([sources[position] for position in kept], columns, forest.header, X, wishes)
    return _Plan(inputs, graph.to_bytes(outputs, _feature_names(steps, columns), kept), unread)


def _input_names(
    steps: Sequence[tuple[str, Any]], estimator: Any, forest: Forest, X: Any
) -> tuple[list[str], bool]:
    """Name the input columns, and tell whether the pipeline itself knows them by these names."""
    fitted = [step for _, step in steps if not isinstance(step, str) and step is not None]
    first = fitted[0] if fitted else estimator
    if steps:
        while class_name(first) == "sklearn.Pipeline":  # a Pipeline knows its inputs by its first step
            first = next(step for _, step in first.steps if not isinstance(step, str) and step is not None)
        named = getattr(first, "feature_names_in_", None)
        if named is not None:
            return [str(item) for item in named], True
    table = None if X is None else open_table(X)
    count = getattr(first, "n_features_in_", forest.header.features) if steps else forest.header.features
    if table is not None and len(table.names) == count:
        same = [item.replace(" ", "_") for item in table.names]  # LightGBM's names have no blanks
        if steps or same == [item.replace(" ", "_") for item in forest.header.feature_names]:
            return list(table.names), False
    if steps:
        return [f"x{i}" for i in range(count)], False
    return list(forest.header.feature_names), False


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
