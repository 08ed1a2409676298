"""Tables of other libraries, read column by column without importing any of them.

pandas, polars and pyarrow tables, whatever speaks Arrow's C interface, and mappings from names to columns.
"""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.problem import Problem


class Table:
    """Columns by name, whatever library holds them."""

    def __init__(self, frame: Any, names: Sequence[Any]) -> None:
        self._frame = frame
        self.names: tuple[str, ...] = tuple(str(name) for name in names)
        self._keys = dict(zip(self.names, names, strict=True))
        if len(self._keys) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise Problem(
                "duplicate_field",
                422,
                f"The table has two columns named {twice!r}.",
                "Rename or drop one of them.",
            )

    def numbers(self, names: Sequence[str]) -> Any:
        """Give the columns `names`, in this order, as an Arrow table of numbers without a copy.

        None when the library cannot, or when some column is not of a plain number type: a dictionary's
        indices, for one, are no numbers.
        """
        frame = self._frame
        if not hasattr(frame, "__arrow_c_stream__") or not hasattr(frame, "select"):
            return None
        chosen = frame.select(list(names))
        types = chosen.dtypes if hasattr(chosen, "dtypes") else chosen.schema.types
        return chosen if all(_NUMBERS.fullmatch(str(type_)) for type_ in types) else None

    def distinct(self, name: str) -> tuple[NDArray[Any], NDArray[np.intp]] | None:
        """Give the distinct texts or categories of a column and each row's place among them, -1 for missing.

        None for columns that do not come apart so; `column` gives those.
        """
        column = self._frame[self._keys[name]]
        if str(getattr(column, "type", "")).startswith("dictionary"):
            return _arrow_places(column)
        dtype = getattr(column, "dtype", None)
        if not hasattr(column, "factorize") or str(dtype) not in ("category", "str", "string"):
            return None
        places, cells = column.factorize()
        return as_cells(list(cells)), np.asarray(places, np.intp)

    def column(self, name: str) -> NDArray[Any]:
        """Give a column as an array of numbers, datetime64 or objects; missing is NaN, NaT or None.

        Integers with missing values come as float64; times with a zone come in UTC.
        """
        column = self._frame[self._keys[name]]
        if hasattr(column, "isna") and hasattr(column, "dtype"):
            return _pandas_column(column)
        if hasattr(column, "to_numpy"):
            return _arrow_column(column)
        if isinstance(column, str | bytes) or not hasattr(column, "__iter__"):
            raise unreadable(
                f"the column {name!r} is a single value", "Pass one row as a list of one mapping."
            )
        return as_cells(list(column)) if not isinstance(column, np.ndarray) else column


def open_table(data: Any) -> Table | None:
    """See `data` as a table; None when it is something else, such as an array or a list."""
    if isinstance(data, Mapping):
        return Table(data, list(data))
    if isinstance(data, np.ndarray | list | tuple):
        return None
    if hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow
        return Table(data, list(data.column_names))
    if hasattr(data, "__len__") and hasattr(data, "columns") and not callable(data.columns):
        return Table(data, list(data.columns))  # pandas, polars
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        try:
            table = import_module("pyarrow").table(data)
        except ImportError:
            raise Problem(
                "unsupported_input",
                422,
                f"A {type(data).__name__} can only be read with pyarrow, which is not installed.",
                "Install pyarrow, or pass a pandas or polars DataFrame or a numpy array.",
            ) from None
        except (
            TypeError,
            ValueError,
        ):  # one column: a Series of pandas or polars, a pyarrow.Array
            raise unreadable(f"it is a {type(data).__name__}, which is one column and no table") from None
        return Table(table, list(table.column_names))
    return None


def unreadable(what: str, hint: str = "") -> Problem:
    """Make the problem of rows in a form that cannot be read."""
    usual = "Pass a matrix (rows, inputs), one row, a list of rows, or a pandas, polars or pyarrow table."
    return Problem("unsupported_input", 422, f"X cannot be read: {what}.", hint or usual)


def as_cells(values: Sequence[Any]) -> NDArray[Any]:
    """Put cells into a one-dimensional array of objects."""
    cells = np.empty(len(values), object)
    cells[:] = values
    return cells


def plain_cells(column: NDArray[Any]) -> list[Any]:
    """Give the cells of a column as str, int, float, bool or None."""
    cells: list[Any] = column.tolist()
    if set(map(type, cells)) <= _PLAIN:
        return cells
    return [cell if type(cell) in _PLAIN else _plain(cell) for cell in cells]


def seconds_since_1970(column: NDArray[Any]) -> NDArray[np.float64]:
    """Convert datetime64 to seconds since 1970-01-01 UTC; NaT becomes NaN."""
    if np.datetime_data(column.dtype)[0] in ("ns", "ps", "fs", "as"):
        count = column.astype("datetime64[ns]").astype(np.int64)
        whole, rest = count // 1_000_000_000, count % 1_000_000_000
        # Microseconds fit a double exactly, so that the quotient is the nearest double; nanoseconds do not.
        exact = (count // 1000) / 1e6
        seconds = np.where(rest % 1000 == 0, exact, whole + rest / 1e9)
    else:
        seconds = column.astype("datetime64[us]").astype(np.int64) / 1e6
    return np.where(np.isnat(column), np.nan, seconds)


_NUMBERS = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|Boolean|u?int\d+|float|double|bool")
_PLAIN = {str, int, float, bool, type(None)}


def _plain(cell: Any) -> Any:
    """Turn a scalar of another library into the cell that it means."""
    if isinstance(cell, np.generic):
        return cell.item()
    if isinstance(cell, str | int | float):
        return cell
    if hasattr(cell, "isoformat"):  # dates and times
        return None if cell != cell else cell.isoformat()
    if type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if type(cell).__name__ == "Decimal":
        return float(cell)
    return cell


def _pandas_column(column: Any) -> NDArray[Any]:
    kind = getattr(column.dtype, "kind", "O")
    if isinstance(column.dtype, np.dtype) and kind in "fiubM":
        return np.asarray(column.to_numpy())
    if kind in "fiub":  # nullable numbers
        return np.asarray(column.to_numpy(dtype="float64", na_value=np.nan))
    if kind == "M":  # with a zone: to UTC
        return np.asarray(column.to_numpy(dtype="datetime64[ns]"))
    return as_cells([None if gone else cell for cell, gone in zip(column, column.isna(), strict=True)])


def _arrow_places(column: Any) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Take an Arrow dictionary column apart; `to_numpy` gives missing cells the value of others."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    indices = np.asarray(whole.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False))
    used, places = np.unique(indices, return_inverse=True)
    values = [*whole.dictionary.to_pylist(), None]  # place -1 is the None
    return as_cells([values[index] for index in used.tolist()]), places.astype(np.intp)


def _arrow_column(column: Any) -> NDArray[Any]:
    try:
        return np.asarray(column.to_numpy())
    except ValueError:  # a pyarrow array copies only when asked to
        return np.asarray(column.to_numpy(zero_copy_only=False))
