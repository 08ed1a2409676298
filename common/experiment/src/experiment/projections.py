"""Linear projections of the standardised numeric columns: principal components and discriminants."""

from typing import ClassVar

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from experiment.graph import Graph, rounded_list
from experiment.result import Floats
from experiment.step import Known, Stand, Step


class Components(Step):
    """The first principal components (scikit-learn's PCA)."""

    name: ClassVar[str] = "principal components"

    def __init__(self, keep: int = 12) -> None:
        self.keep = keep

    def applies(self, known: Known) -> bool:
        """Tell whether there are three numeric columns."""
        return len(known.numeric()) >= 3

    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:  # noqa: ARG002
        """Add up to `keep` components."""
        columns = known.numeric()
        if len(columns) < 3:
            return
        fill, center, scale, z = standardised(known.X[:, columns])
        count = min(self.keep, len(columns), len(z) - 1)
        weights = PCA(count, svd_solver="full").fit(z).components_
        _project(graph, columns, fill, center, scale, weights, "pc")


class Discriminants(Step):
    """The directions that tell the classes apart (Fisher; scikit-learn's LDA); for regression a ridge fit."""

    name: ClassVar[str] = "linear discriminants"

    def applies(self, known: Known) -> bool:
        """Tell whether there are two numeric columns."""
        return len(known.numeric()) >= 2

    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:  # noqa: ARG002
        """Add one direction less than there are classes; one for regression."""
        columns = known.numeric()
        if len(columns) < 2:
            return
        fill, center, scale, z = standardised(known.X[:, columns])
        if known.classes:
            if len(np.unique(known.y)) < 2:
                return
            model = LinearDiscriminantAnalysis(solver="eigen", shrinkage=1e-4).fit(z, known.y)
            weights = model.scalings_[:, : min(known.classes - 1, len(columns))].T
        else:
            weights = np.atleast_2d(Ridge(alpha=1.0).fit(z, known.y).coef_)
        _project(graph, columns, fill, center, scale, weights, "ld" if known.classes else "linear")


def standardised(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return per-column fill, center and scale, and the filled values brought to mean 0 and deviation 1."""
    fill = np.nanmean(values, axis=0)
    filled = np.where(np.isnan(values), fill, values)
    center, scale = filled.mean(axis=0), filled.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    return fill, center, scale, (filled - center) / scale


def _project(
    graph: Graph, columns: list[int], fill: Floats, center: Floats, scale: Floats, weights: Floats, name: str
) -> None:
    # The signs are arbitrary: fix them, so that they do not depend on the linear algebra library.
    largest = np.abs(weights).argmax(axis=1)
    weights = weights * np.sign(weights[np.arange(len(weights)), largest])[:, None]
    first = graph.node(
        "project",
        columns,
        width=len(weights),
        fill=rounded_list(fill),
        center=rounded_list(center),
        scale=rounded_list(scale),
        weights=[rounded_list(row) for row in weights],
    )
    for k in range(len(weights)):
        graph.feature(first + k, f"{name}{k + 1}")
