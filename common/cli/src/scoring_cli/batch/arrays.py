"""Arrow arrays and scalars from numpy arrays and Python values, built from their buffers.

`pyarrow.array`, `pyarrow.scalar` and plain values given to compute functions would do, but these import
pandas where it is there, which takes longer than scoring most files.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def doubles(values: NDArray[np.float64], missing: NDArray[np.bool_] | None = None) -> Any:
    """Return an array of doubles, which shares the memory of contiguous `values`; null where missing."""
    return _array(pa.float64(), len(values), [_valid(missing), _buffer(values, np.float64)])


def integers(values: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> Any:
    """Return an array of 64-bit integers; null where missing."""
    return _array(pa.int64(), len(values), [_valid(missing), _buffer(values, np.int64)])


def booleans(values: NDArray[np.bool_]) -> Any:
    """Return an array of booleans."""
    return _array(pa.bool_(), len(values), [None, _bits(values)])


def texts(values: Sequence[str | None]) -> Any:
    """Return an array of strings; null for None."""
    encoded = [b"" if value is None else value.encode("utf-8", "backslashreplace") for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    missing = np.array([value is None for value in values], bool)
    buffers = [_valid(missing), _buffer(offsets, np.int32), pa.py_buffer(b"".join(encoded))]
    return _array(pa.string(), len(encoded), buffers)


def values(array: Any, kind: type[Number]) -> NDArray[Number]:
    """Return the numbers of an array without nulls; `kind` is their type. Shares its memory."""
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]


def double(value: float) -> Any:
    """Return a scalar for compute functions."""
    return doubles(np.array([value]))[0]


def text(value: str) -> Any:
    """Return a scalar for compute functions."""
    return texts([value])[0]


def nothing(kind: Any) -> Any:
    """Return the null of a type, for compute functions."""
    return pa.nulls(1, kind)[0]


def _array(kind: Any, length: int, buffers: list[Any]) -> Any:
    return pa.Array.from_buffers(kind, length, buffers)


def _buffer(values: NDArray[Any], kind: Any) -> Any:
    return pa.py_buffer(np.ascontiguousarray(values, kind))


def _valid(missing: NDArray[np.bool_] | None) -> Any:
    return None if missing is None or not missing.any() else _bits(~missing)


def _bits(values: NDArray[np.bool_]) -> Any:
    return pa.py_buffer(np.packbits(values, bitorder="little"))
