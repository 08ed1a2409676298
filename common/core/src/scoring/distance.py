"""Distance: how far a row lies off the plane that the training rows span, to flag rows unlike any of them.

Each value of a row may be in its usual range and the row still be like nothing in the training data. The
artifact's baseline has, for its numeric fields: `center` and `scale` of each, orthonormal `components` (the
leading principal components of the standardised training rows) and a `threshold`. With w_kj the weight of
field j in component k, for each row:

    z_j = (x_j - center_j) / scale_j, a missing x_j counting as center_j
    p_k = sum over j of z_j * w_kj
    r_j = z_j - (sum over k of p_k * w_kj)
    distance = square root of the sum over j of r_j * r_j

Every sum is taken in order from the first term, in doubles and without fused operations, so that a row has
the same distance to the last bit on every machine and whatever rows come with it. A value that is infinite,
or so large that the arithmetic overflows, has the distance infinity. A row is out of distribution if its
distance exceeds the threshold. (The idea is the squared prediction error, or Q statistic, of process
monitoring: Jackson and Mudholkar 1979.)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CELLS = 1 << 20
"""Products held at a time, so that memory stays bounded however many rows there are."""


@dataclass(frozen=True, eq=False)
class Distance:
    """Measures rows of one schema. Immutable: may be shared by threads.

    Attributes:
        columns: Positions of the measured fields in a row, shape (fields,).
        center: Shape (fields,), float64; so is `scale`, above 0.
        components: Shape (components, fields), float64.
        threshold: The distance beyond which a row is out of distribution.
    """

    columns: NDArray[np.intp]
    center: Floats
    scale: Floats
    components: Floats
    threshold: float

    @classmethod
    def of(cls, baseline: Mapping[str, Any], names: Sequence[str]) -> "Distance | None":
        """Read the member `distance` of a baseline for rows with the fields `names`; None if it has none.

        Raises:
            ValueError: the member is malformed; the message says how.
        """
        guard = baseline.get("distance")
        if guard is None:
            return None
        if not isinstance(guard, Mapping):
            raise ValueError("its distance is not an object")
        places = {name: position for position, name in enumerate(names)}
        fields = guard.get("fields")
        if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
            raise ValueError("its distance has no list of fields")
        if len(set(fields)) != len(fields) or not places.keys() >= set(fields):
            raise ValueError("the fields of its distance are not inputs, each named once")
        center, scale = (_numbers(guard, key, (len(fields),)) for key in ("center", "scale"))
        components = guard.get("components")
        count = len(components) if isinstance(components, list) else 0
        weights = _numbers(guard, "components", (count, len(fields)))
        threshold = guard.get("threshold")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not threshold >= 0:
            raise ValueError("its distance has no threshold of 0 or more")
        if not (scale > 0).all():
            raise ValueError("its distance has a scale that is not above 0")
        columns = np.array([places[name] for name in fields], np.intp)
        return cls(columns, center, scale, weights, float(threshold))

    def lengths(self, values: Floats) -> Floats:
        """Return the distances (rows,) of rows, float64 of shape (rows, inputs) in schema order."""
        found = np.empty(len(values), np.float64)
        step = max(1, _CELLS // max(1, self.components.size))
        with np.errstate(all="ignore"):  # what overflows or is infinite ends as NaN, and then as infinity
            for start in range(0, len(values), step):
                found[start : start + step] = self._lengths(values[start : start + step])
        found[np.isnan(found)] = math.inf
        return found

    def beyond(self, lengths: Floats) -> NDArray[np.bool_]:
        """Tell which distances are of rows out of distribution."""
        found: NDArray[np.bool_] = lengths > self.threshold
        return found

    def _lengths(self, values: Floats) -> Floats:
        known = values[:, self.columns]
        z = (np.where(np.isnan(known), self.center, known) - self.center) / self.scale
        parts = _summed(z[:, np.newaxis, :] * self.components)
        rest = z
        if len(self.components):
            rest = z - _summed(np.swapaxes(parts[:, :, np.newaxis] * self.components, 1, 2))
        return np.sqrt(_summed(rest * rest))


def _summed(terms: Floats) -> Floats:
    """Sum over the last axis, strictly in order: numpy's own sum goes by pairs and by memory layout."""
    if terms.shape[-1] == 0:
        return np.zeros(terms.shape[:-1], np.float64)
    found: Floats = np.add.accumulate(terms, axis=-1)[..., -1]
    return found


def _numbers(guard: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> Floats:
    try:
        values = np.array(guard.get(key), np.float64)
    except (TypeError, ValueError):
        values = np.array(math.nan)
    if len(shape) == 2 and shape[0] == 0:
        values = values.reshape(0, shape[1]) if guard.get(key) == [] else values
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"its distance has no finite {key} for each of its fields")
    return values
