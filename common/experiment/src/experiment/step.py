"""Steps of feature engineering: each one adds nodes to a transform graph, fitted on training rows.

A step that looks at the target must not see the rows that it is judged by: the search fits every step anew
inside each fold. Target encodings moreover differ between training and scoring (see `Stand`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from scoring.schema import STR, TIME64, Field

from experiment.graph import Graph, transform
from experiment.result import Floats, Integers


@dataclass(frozen=True)
class Known:
    """What a step may look at: training rows, their targets, and the fields of the columns."""

    X: Floats
    """(n, fields) as the engine reads them."""
    y: Floats
    """(n,) target values or class indices."""
    fields: tuple[Field, ...]
    classes: int
    """0 for regression."""
    seed: int

    def numeric(self) -> list[int]:
        """Return the columns that hold finite, varying numbers (missing values aside)."""
        found = []
        for column, field_ in enumerate(self.fields):
            if field_.type in (STR, TIME64) or field_.categories is not None:
                continue
            values = self.X[:, column]
            values = values[~np.isnan(values)]
            if len(values) and np.isfinite(values).all() and values.min() < values.max():
                found.append(column)
        return found

    def categorical(self) -> list[int]:
        """Return the columns that hold codes of categories."""
        return [column for column, field_ in enumerate(self.fields) if field_.categories is not None]

    def times(self) -> list[int]:
        """Return the columns that hold times."""
        return [column for column, field_ in enumerate(self.fields) if field_.type == TIME64]


@dataclass
class Stand:
    """Values that training uses in place of a graph column's own: out-of-fold target encodings."""

    columns: dict[str, Floats] = field(default_factory=dict)
    """Feature name -> (n,) values for the rows that the step was fitted on."""


class Step(ABC):
    """One kind of feature engineering."""

    name: ClassVar[str]

    @abstractmethod
    def applies(self, known: Known) -> bool:
        """Tell whether the step has anything to work on."""

    @abstractmethod
    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:
        """Add nodes and features to the graph."""


@dataclass(frozen=True)
class Fitted:
    """A transform graph and the training matrix that goes with it."""

    features: bytes
    names: tuple[str, ...]
    matrix: Floats
    """(n, features) of the rows that the graph was fitted on, with out-of-fold encodings in place."""
    categorical: tuple[int, ...]
    """Features that are codes of categories, for LightGBM."""
    raw: int
    """The first so many features are the input columns themselves."""

    def apply(self, X: Floats, threads: int = 1) -> Floats:
        """Transform other rows: (n, fields) -> (n, features)."""
        return transform(self.features, X, threads)


def fit_steps(steps: tuple[Step, ...], known: Known, hidden: Integers, threads: int = 1) -> Fitted:
    """Fit the steps in order on the given rows; `hidden` columns feed steps but not the forest."""
    graph = Graph([field_.name for field_ in known.fields])
    stand = Stand()
    categorical = []
    for column, field_ in enumerate(known.fields):
        if column in hidden:
            continue
        if field_.categories is not None:
            categorical.append(len(graph.outputs))
        graph.feature(column, field_.name)
    raw = len(graph.outputs)
    for step in steps:
        step.fit(known, graph, stand)
    features = graph.to_bytes()
    matrix = np.array(transform(features, known.X, threads))
    for name, values in stand.columns.items():
        matrix[:, graph.names.index(name)] = values
    return Fitted(features, tuple(graph.names), matrix, tuple(categorical), raw)
