"""The training distribution that travels with an artifact, for drift and out-of-distribution flags."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scoring.distance import Distance
from scoring.schema import STR, TIME64, Field
from sklearn.decomposition import PCA

from experiment.graph import rounded, rounded_list
from experiment.projections import standardised
from experiment.result import Floats

_QUANTILES = np.linspace(0.0, 1.0, 21)
_COMPONENTS = 6
_BEYOND = 0.999
_LEAST_ROWS = 50


def baseline(X: Floats, fields: Sequence[Field]) -> dict[str, Any]:
    """Describe the training rows (n, fields): each field by itself, and how far rows lie off their plane.

    `fields`: the share of missing cells, and 21 quantiles for numbers or counts for categories. `distance`:
    for the numeric fields, with missing cells at `center`, z = (x - center) / scale; a row's distance is the
    length of what is left of z after its projection on the orthonormal `components` is taken away;
    `threshold` is the distance that one training row in a thousand exceeds.
    """
    described = {field.name: _field(X[:, k], field) for k, field in enumerate(fields)}
    distance = _distance(X, fields)
    return {"fields": described} | ({"distance": distance} if distance else {})


def distances(X: Floats, guard: dict[str, Any], names: Sequence[str]) -> Floats:
    """Return (n,) distances of rows (n, fields) by the measure `guard`; see `scoring.distance`."""
    measure = Distance.of({"distance": guard}, names)
    assert measure is not None
    return measure.lengths(X)


def _field(values: Floats, field: Field) -> dict[str, Any]:
    missing = np.isnan(values)
    known = values[~missing]
    entry: dict[str, Any] = {"missing": rounded(float(missing.mean()))}
    if field.categories is not None:
        counts = np.bincount(known[known >= 0].astype(np.int64), minlength=len(field.categories))
        entry["counts"] = {
            category: int(count) for category, count in zip(field.categories, counts, strict=True)
        }
    else:
        finite = known[np.isfinite(known)]
        entry["quantiles"] = rounded_list(np.quantile(finite, _QUANTILES)) if len(finite) else []
    return entry


def _distance(X: Floats, fields: Sequence[Field]) -> dict[str, Any] | None:
    columns = [
        k
        for k, field in enumerate(fields)
        if field.type not in (STR, TIME64)
        and field.categories is None
        and not np.isinf(X[:, k]).any()
        and np.nanmin(X[:, k], initial=np.inf) < np.nanmax(X[:, k], initial=-np.inf)
    ]
    if len(columns) < 2 or len(X) < _LEAST_ROWS:
        return None
    _, center, scale, z = standardised(X[:, columns])
    count = min(_COMPONENTS, len(columns) - 1)
    components = PCA(count, svd_solver="full").fit(z).components_
    guard = {
        "fields": [fields[k].name for k in columns],
        "center": rounded_list(center),
        "scale": rounded_list(scale),
        "components": [rounded_list(row) for row in components],
    }
    found = distances(X, guard | {"threshold": 0.0}, [field.name for field in fields])
    return guard | {"threshold": rounded(float(np.quantile(found, _BEYOND)))}
