"""LightGBM models as they are handed to `pack`: a Booster, a fitted estimator, or the text of a model."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.agreement import PROBABILITY_OBJECTIVES
from scoring.forest import Header, pandas_categories, parameter, read_header
from scoring.manifest import BINOMIAL, MULTINOMIAL, REGRESSION
from scoring.problem import Problem
from scoring.source import unsupported

Floats = NDArray[np.float64]
Oracle = Callable[[Any], Floats]
"""Raw scores of a matrix of features, or of a table, by LightGBM itself."""

_ESTIMATORS = ("LGBMClassifier", "LGBMModel", "LGBMRanker", "LGBMRegressor")


@dataclass(frozen=True)
class Forest:
    """A LightGBM model, ready to be packed."""

    text: str
    header: Header
    booster: Any = None
    """The model as LightGBM holds it; None when it came as text."""
    classes: tuple[str, ...] | None = None
    """Labels that the model itself knows."""

    @cached_property
    def oracle(self) -> Oracle | None:
        """LightGBM's own answers; None when the model came as text and LightGBM is not installed.

        LightGBM trusts the text of a model and may crash on a damaged one: let the engine read it first.
        """
        booster = self.booster or _load(self.text)
        if booster is None:
            return None
        return lambda X: np.asarray(booster.predict(X, raw_score=True, num_threads=1), np.float64)

    @property
    def categories(self) -> list[list[object]]:
        """Category lists that LightGBM keeps for the category columns of a data frame, in their order."""
        return pandas_categories(self.text) or []

    def category_positions(self) -> list[int] | None:
        """Tell which features `categories` belongs to, as far as the text tells; None when it does not."""
        lists = self.categories
        infos = self.header.feature_infos
        coded = [i for i, info in enumerate(infos) if ":" in info and not info.startswith("[")]
        declared = parameter(self.text, "categorical_feature") or ""
        listed = [int(item) for item in declared.split(",") if item.isdigit()]
        for positions in (listed, coded):
            if len(positions) == len(lists) and all(
                _fits(infos[i], found) for i, found in zip(positions, lists, strict=True) if i < len(infos)
            ):
                return sorted(positions)
        return None


def open_forest(model: Any) -> Forest:
    """Take a Booster, a fitted LightGBM estimator or the path of a text file; raises Problem for others."""
    if isinstance(model, str | os.PathLike):
        text = _read(Path(model))
        return Forest(text, _checked(text))
    if _is_estimator(model):
        booster = _booster_of(model)
        classes = getattr(model, "classes_", None) if hasattr(model, "n_classes_") else None
        return _from_booster(booster, None if classes is None else tuple(str(label) for label in classes))
    if hasattr(model, "model_to_string") and hasattr(model, "predict"):
        return _from_booster(model, None)
    raise unsupported(
        f"A {type(model).__module__}.{type(model).__qualname__} cannot be packed",
        "Give a lightgbm.Booster, a fitted LGBM estimator, the path of a LightGBM text file, or a fitted"
        " scikit-learn Pipeline that ends in an LGBM estimator.",
    )


def task_and_labels(forest: Forest, labels: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """Tell the task from the objective, the labels from the caller, the model or the class count."""
    header = forest.header
    task = next(
        (task for task, names in PROBABILITY_OBJECTIVES.items() if header.objective_name in names), None
    )
    if header.objective_name == "cross_entropy" and labels is None and forest.classes is None:
        task = None  # a share between 0 and 1, not a class
    if task is None:
        if header.outputs > 1 or forest.classes is not None:
            raise unsupported(
                f"The model's objective {header.objective or 'custom'!r} gives no class probabilities",
                "Train with a built-in objective (binary, multiclass, multiclassova).",
            )
        if labels:
            raise unsupported(
                f"Labels are given, but the objective {header.objective_name or 'custom'!r} has no classes",
                "Leave the labels out.",
            )
        return REGRESSION, ()
    count = header.outputs if task == MULTINOMIAL else 2
    given = labels if labels is not None else forest.classes
    found = tuple(str(label) for label in given) if given is not None else tuple(map(str, range(count)))
    if len(found) != count or len(set(found)) != count:
        raise unsupported(
            f"The model has {count} classes and the labels are {list(found)}",
            "Give as many different labels as there are classes, in the order of the classes.",
        )
    assert task in (BINOMIAL, MULTINOMIAL)
    return task, found


def _is_estimator(model: Any) -> bool:
    return any(
        kind.__module__.startswith("lightgbm.") and kind.__name__ in _ESTIMATORS
        for kind in type(model).__mro__
    )


def _booster_of(estimator: Any) -> Any:
    try:
        return estimator.booster_
    except Exception as fault:  # noqa: BLE001 -- scikit-learn's NotFittedError is not ours to import
        raise unsupported(
            f"The {type(estimator).__name__} is not fitted ({fault})", "Fit it first."
        ) from None


def _from_booster(booster: Any, classes: tuple[str, ...] | None) -> Forest:
    text = booster.model_to_string()
    return Forest(text, _checked(text), booster, classes)


def _load(text: str) -> Any:
    """Load a model's text with LightGBM, or give None when LightGBM is not installed."""
    try:
        lightgbm = import_module("lightgbm")
    except (ImportError, OSError):
        return None
    return lightgbm.Booster(model_str=text)


def _checked(text: str) -> Header:
    header = read_header(text)
    if "\nTree=" not in text:
        raise unsupported("The model has no trees", "Train it for at least one iteration.")
    if "\nis_linear=1" in text:
        raise unsupported("The model has linear trees", "Train with linear_tree=false.")
    return header


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Problem(
            "model_missing", 400, f"There is no model at {str(path)!r}.", "Check the path."
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Problem(
            "model_invalid",
            400,
            f"The model at {str(path)!r} cannot be read: {fault}.",
            "Give the text file that Booster.save_model writes.",
        ) from None


def _fits(info: str, categories: Sequence[object]) -> bool:
    """Tell whether the codes that a feature had in training fit a list of categories."""
    if info == "none":
        return True
    if info.startswith("["):
        return False
    return max(int(code) for code in info.split(":")) < len(categories)
