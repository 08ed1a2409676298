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
from typing import TYPE_CHECKING, Any

from scoring._engine import Matrix, Plane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Distance:
    """Measures rows of one schema. Immutable: may be shared by threads.

    `plane` computes, and `threshold` is the distance beyond which a row is out of distribution.
    """

    plane: Plane
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
        center, scale = (_numbers(guard.get(key), key, len(fields)) for key in ("center", "scale"))
        components = guard.get("components")
        if not isinstance(components, list):
            raise _not_finite("components")
        weights = [weight for line in components for weight in _numbers(line, "components", len(fields))]
        threshold = guard.get("threshold")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not threshold >= 0:
            raise ValueError("its distance has no threshold of 0 or more")
        if not all(unit > 0 for unit in scale):
            raise ValueError("its distance has a scale that is not above 0")
        plane = Plane(len(names), [places[name] for name in fields], center, scale, weights)
        return cls(plane, float(threshold))

    def measure(self, values: Matrix) -> list[float]:
        """Return the distances of rows in schema order."""
        return self.plane.lengths(values).column(0)

    def lengths(self, values: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the distances (rows,) of rows, float64 of shape (rows, inputs) in schema order."""
        import numpy as np

        return np.asarray(self.plane.lengths(np.asarray(values, np.float64))).reshape(-1)

    def beyond(self, lengths: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        """Tell which distances are of rows out of distribution."""
        found: NDArray[np.bool_] = lengths > self.threshold
        return found


def _numbers(values: Any, key: str, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise _not_finite(key)
    if not all(isinstance(value, int | float) for value in values):
        raise _not_finite(key)
    try:
        found = [float(value) for value in values]
    except OverflowError:
        raise _not_finite(key) from None
    if not all(map(math.isfinite, found)):
        raise _not_finite(key)
    return found


def _not_finite(key: str) -> ValueError:
    return ValueError(f"its distance has no finite {key} for each of its fields")
