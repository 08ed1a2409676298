"""The scoring engine: transform graph, forest, contributions and outputs, compiled."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, final

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
_Style: TypeAlias = Literal["quoted", "typed", "csv"]
_Arrow: TypeAlias = ArrowArrayExportable | ArrowStreamExportable

isa: str
"""The vector instructions in use: "baseline", "avx2" or "avx512"."""

def nothing(x: Any, /) -> None:
    """Do nothing: the floor under any call's time."""

def rows_span(body: bytes, /) -> tuple[int, int, int] | None:
    """Find the array `rows` in the text of a JSON object: (start, end, how many arrays it holds).

    None if the body is no object, as far as brackets and quotes tell, or has no member `rows` or two, or if
    that holds anything but flat arrays. The rest of the text is not checked.
    """

def table_text(
    matrix: NDArray[np.float64] | Buffer, style: _Style, between: str, first: int, count: int, /
) -> str:
    """Write `count` columns of a float64 array from `first` on, commas between the numbers of a row.

    Numbers have the fewest digits that read back as the same double, as `repr` has them. NaN is null, and
    nothing in CSV; the infinities are Infinity and -Infinity, in JSON as strings.
    """

def row_texts(matrix: NDArray[np.float64] | Buffer, style: _Style, /) -> list[str]:
    """Write each row of a float64 array as `table_text` does."""

@final
class Matrix:
    """Rows of doubles that the engine owns; others see them through the buffer protocol.

    `rows` are lists of numbers of the same length, or a float64 array of two dimensions, which is copied.
    """

    def __new__(cls, rows: Sequence[Sequence[float]] | NDArray[np.float64] | Buffer, /) -> Matrix: ...
    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def tolist(self) -> list[list[float]]:
        """Return the rows as lists."""

    def tobytes(self) -> bytes:
        """Return the numbers row by row, as memory holds them."""

    def column(self, number: int, /) -> list[float]:
        """Return a column as a list."""

    def put(self, number: int, values: Buffer, /) -> None:
        """Set a column to an array of float64, one for each row."""

    def count(self, number: int, value: float, /) -> int:
        """Count a value in a column."""

    def complemented(self) -> Matrix:
        """Return the columns (1 - p, p) for a single column p."""

    @classmethod
    def filled(cls, rows: int, columns: int, /) -> Matrix:
        """Return a matrix of NaN."""

    @classmethod
    def below(cls, matrices: list[Matrix], /) -> Matrix:
        """Put matrices one below the other."""

    @classmethod
    def beside(cls, matrices: list[Matrix], /) -> Matrix:
        """Put matrices one beside the other."""

@final
class Cells:
    """Reads the plain cells of one field, with the meaning that `scoring.reader` gives them.

    Args:
        kind: what the field holds.
        missing: tokens that mean a missing value, without blanks around them.
        sentinels: numbers that mean a missing value.
        codes: for a field with categories, what its numbers stand for.
        words: for text, the double of each whole cell.
    """

    def __new__(
        cls,
        kind: Literal["number", "boolean", "text", "time"],
        missing: tuple[str, ...],
        sentinels: tuple[float, ...],
        codes: Mapping[float, float] | None,
        words: Mapping[str, float],
        /,
    ) -> Cells: ...
    def read(self, cells: list[Any], out: Buffer, /) -> list[int]:
        """Read a list of cells to float64; return the places of those that are not plain, which are NaN."""

@final
class Rows:
    """Reads plain rows straight from a body.

    Args:
        width: cells of a row.
        places: for each input the position of its cell and its reader, None for an input that rows lack.
    """

    def __new__(cls, width: int, places: tuple[tuple[int, Cells] | None, ...], /) -> Rows: ...
    def json(self, body: bytes, first: int, last: int, rows: int, /) -> Matrix | None:
        """Read the arrays that `rows_span` found; None if a row has another length or a cell is not plain."""

    def csv(self, text: str, /) -> Matrix | None:
        """Read lines of CSV without quotes; None if a row has another length or a cell is not plain."""

@final
class Plane:
    """Measures how far rows lie off the plane of the training rows; `scoring.distance` says how.

    Args:
        inputs: columns of the rows.
        columns: which of them are measured; `center` and `scale` are theirs.
        components: the weights of one component after the other.
    """

    def __new__(
        cls,
        inputs: int,
        columns: list[int],
        center: list[float],
        scale: list[float],
        components: list[float],
        /,
    ) -> Plane: ...
    def lengths(self, X: _Rows, /) -> Matrix:
        """Return the distances of rows, of shape (rows, 1)."""

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

    def scores(self, X: _Rows, /, raw_score: bool = False, threads: int = 1) -> Matrix:
        """Score an array of rows as `predict` does, without numpy: (rows, outputs)."""

    def parts(self, X: _Rows, /, original: bool = True, threads: int = 1) -> Matrix:
        """Split the raw scores of an array of rows as `contributions` does, without numpy."""

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
