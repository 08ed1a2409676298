"""Arrow arrays from numpy arrays and texts, built from their buffers.

`pyarrow.array` would do, but it imports pandas where that is installed, which takes longer than scoring most files.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def doubles(values: NDArray[np.float64], missing: NDArray[np.bool_] | None = None) -> Any:
    """Return an array of doubles that shares memory with `values` if they are contiguous; null where missing."""
    return _array(pa.float64(), len(values), [_valid(missing), _buffer(values, np.float64)])


def integers(values: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> Any:
    """Return an array of 64-bit integers; null where missing."""
    return _array(pa.int64(), len(values), [_valid(missing), _buffer(values, np.int64)])


def booleans(values: NDArray[np.bool_]) -> Any:
    """Return an array of booleans."""
    return _array(pa.bool_(), len(values), [None, _bits(values)])


def texts(values: Sequence[str | None]) -> Any:
    """Return an array of strings; null for None."""
    encoded = [b"" if text is None else text.encode("utf-8", "backslashreplace") for text in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    missing = np.array([text is None for text in values], bool)
    buffers = [_valid(missing), _buffer(offsets, np.int32), pa.py_buffer(b"".join(encoded))]
    return _array(pa.string(), len(encoded), buffers)


def _array(kind: Any, length: int, buffers: list[Any]) -> Any:
    return pa.Array.from_buffers(kind, length, buffers)


def _buffer(values: NDArray[Any], kind: Any) -> Any:
    return pa.py_buffer(np.ascontiguousarray(values, kind))


def _valid(missing: NDArray[np.bool_] | None) -> Any:
    return None if missing is None or not missing.any() else _bits(~missing)


def _bits(values: NDArray[np.bool_]) -> Any:
    return pa.py_buffer(np.packbits(values, bitorder="little"))
