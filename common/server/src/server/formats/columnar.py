"""The quick way through large CSV, with pyarrow where it is installed; the answer is the same to the byte.

Whatever is not plainly the same is left to the slow way, such as cells that Arrow does not take for numbers.
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scoring.columns import Columns

LARGE: Final = 32 * 1024
"""Characters of a chunk, or bytes of numbers, from which on pyarrow is worth its import."""

_LEAST, _MOST = 1e-4, 1e10
"""Between these Arrow writes numbers that are not whole as Python does."""


@cache
def available() -> bool:
    """Tell whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def read(chunk: str, columns: Columns) -> tuple[NDArray[np.float64], Mapping[int, Any]] | None:
    """Read lines of CSV without quotation marks.

    Returns the doubles as `Columns.matrix` does, and by position the columns of text as Arrow arrays; None if
    the slow way has to decide.
    """
    import pyarrow as pa
    import pyarrow.csv as reading

    readers = dict(zip(columns.positions, columns.readers, strict=True))
    numeric = [
        position in readers and readers[position].reads_floats for position in range(len(columns.fields))
    ]
    missing = [set(readers[position].field.missing) for position, plain in enumerate(numeric) if plain]
    names = [str(position) for position in range(len(numeric))]
    types = {name: pa.float64() if plain else pa.string() for name, plain in zip(names, numeric, strict=True)}
    tokens = sorted(set.intersection(*missing)) if missing else []
    data = chunk.encode()
    try:
        table = reading.read_csv(
            pa.BufferReader(data),
            reading.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            reading.ParseOptions(quote_char=False),
            reading.ConvertOptions(column_types=types, null_values=tokens, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    values = np.full((table.num_rows, len(columns.readers)), np.nan, order="F")
    for place, (reader, position) in enumerate(zip(columns.readers, columns.positions, strict=True)):
        if position is None:
            continue
        column = table.column(position)
        if numeric[position]:
            found = column.to_numpy()
            if int(np.isfinite(found).sum()) != len(found) - column.null_count:
                return None
        else:
            found, errors = reader.column(column.to_pylist())
            if errors:
                return None
        values[:, place] = found
    return values, {k: table.column(k) for k, plain in enumerate(numeric) if not plain}


def written(matrix: NDArray[np.float64]) -> str | None:
    """Write rows of finite numbers as lines of CSV without the last line's end; None if too few are plain."""
    import pyarrow as pa
    import pyarrow.compute as compute

    size = np.abs(matrix)
    plain = (size >= _LEAST) & (size < _MOST) & (matrix != np.floor(matrix))
    if plain.mean() < 0.5:
        return None
    columns = []
    for k in range(matrix.shape[1]):
        column = np.ascontiguousarray(matrix[:, k])
        texts = compute.cast(pa.array(column), pa.string())
        odd = ~plain[:, k]
        if odd.any():
            right = pa.array([repr(value) for value in column[odd].tolist()], pa.string())
            texts = compute.replace_with_mask(texts, pa.array(odd), right)
        columns.append(texts)
    return "\n".join(compute.binary_join_element_wise(*columns, ",").to_pylist())
