"""The scoring engine: transform graph, forest, contributions and outputs, compiled."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

class ArrowArrayExportable(Protocol):
    """A record batch that exports the Arrow C data interface."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

class ArrowStreamExportable(Protocol):
    """A table that exports the Arrow C stream interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

_Cells: TypeAlias = Sequence[float | None]
_Rows: TypeAlias = NDArray[np.float64] | NDArray[np.float32] | Buffer | _Cells
_Arrow: TypeAlias = ArrowArrayExportable | ArrowStreamExportable

isa: str
"""The vector instructions in use: "baseline", "avx2" or "avx512"."""

def nothing(x: Any, /) -> None:
    """Do nothing: the floor under any call's time."""

@final
class Pipeline:
    """A scoring pipeline, read from an artifact's features.json and forest text.

    An object never changes and may be used by many threads at once; long work lets other Python threads
    run. A missing number is NaN (or None in a sequence), a category is its code, an unseen category is
    -1.0.

    Raises:
        ValueError: something in the two texts is malformed, or they do not fit each other; the message
            says where.
    """

    def __new__(cls, features_json: Buffer, forest_text: Buffer, /) -> Pipeline: ...
    @property
    def inputs(self) -> int:
        """Number of input columns."""

    @property
    def features(self) -> int:
        """Number of feature columns, after the transform graph."""

    @property
    def outputs(self) -> int:
        """Outputs per row: 1 for regression and binary classification, else the number of classes."""

    @property
    def trees(self) -> int:
        """Number of trees."""

    @property
    def iterations(self) -> int:
        """Boosting iterations: trees / outputs."""

    @property
    def input_names(self) -> list[str]:
        """Names of the input columns, in order."""

    @property
    def feature_names(self) -> list[str]:
        """Names of the feature columns, in order."""

    @property
    def objective(self) -> str:
        """LightGBM's objective, without parameters; empty when the model names none."""

    @property
    def has_counts(self) -> bool:
        """Whether the model carries the counts that contributions are worked out from."""

    def predict(self, X: _Rows, /, raw_score: bool = False, threads: int = 1) -> NDArray[np.float64]:
        """Score rows, bit for bit as `lightgbm.Booster.predict` does.

        Args:
            X: (rows, inputs) float64 or float32 with any strides, through the buffer protocol; (inputs,)
                or a list or tuple of numbers and None is one row.
            raw_score: leave out the link function.
            threads: 1 uses the calling thread only, 0 all processors.

        Returns:
            (rows,) float64 for one output, otherwise (rows, outputs).

        Raises:
            TypeError: X is neither such an array nor such a sequence.
            ValueError: X has another number of columns than the pipeline has inputs.
        """

    def row(self, cells: list[Any] | tuple[Any, ...], /) -> float | tuple[float, ...]:
        """Score one row of numbers, booleans and None; the cheapest call there is, and numpy is not needed.

        Returns:
            The output, or a tuple of all outputs where there are several.

        Raises:
            TypeError: a cell is no number; the message names it.
            ValueError: the row has another number of cells than the pipeline has inputs.
        """

    def contributions(self, X: _Rows, /, original: bool = True, threads: int = 1) -> NDArray[np.float64]:
        """Split raw scores into parts (Shapley values), as `pred_contrib` lays them out.

        Args:
            X: as in `predict`.
            original: parts of the inputs rather than of the features: a feature's part is shared among
                the inputs that it is made of (half and half by two operands, by the weights' sizes in a
                projection).
            threads: as in `predict`.

        Returns:
            (rows, outputs * (inputs + 1)) float64, or (rows, outputs * (features + 1)): for each output
            its parts, then its bias; they sum up to its raw score.

        Raises:
            ValueError: the model carries no counts, or X does not fit.
        """

    def transform(self, X: _Rows, /, threads: int = 1) -> NDArray[np.float64]:
        """Compute the features of rows: (rows, features) float64. X and threads are as in `predict`."""

    def predict_arrow(
        self, array: _Arrow, /, raw_score: bool = False, threads: int = 1
    ) -> NDArray[np.float64]:
        """Score a record batch or table whose columns are the inputs in order, read where they are.

        Integers, floats and booleans count as they are, dates and timestamps as seconds since 1970-01-01
        UTC, dictionary columns as their indices, nulls as NaN.

        Raises:
            TypeError: `array` exports no Arrow data.
            ValueError: a column is of another type, or columns are missing or in another order; the
                message names it.
        """

    def contributions_arrow(
        self, array: _Arrow, /, original: bool = True, threads: int = 1
    ) -> NDArray[np.float64]:
        """Split the raw scores of a record batch or table into parts.

        See `contributions` and `predict_arrow`.
        """
