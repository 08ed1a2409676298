"""Arrow data: batches, tables and slices of every type that the engine takes, and what it refuses."""

import datetime
import itertools
import json
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scoring._engine import Pipeline

Array = NDArray[np.float64]
NAMES = ["a", "b", "c", "d", "e"]
NAN = float("nan")


def features_json(nodes: list[dict[str, Any]], outputs: list[int]) -> bytes:
    graph = {
        "format": 1,
        "inputs": NAMES,
        "nodes": nodes,
        "outputs": outputs,
        "names": [f"f{i}" for i in outputs],
    }
    return json.dumps(graph).encode()


def data(rows: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 5))
    return np.where(rng.random(X.shape) < 0.1, NAN, X)


class Model:
    """A booster, its pipeline without transforms and one with some."""

    def __init__(self, **options: Any) -> None:
        X = data(2000)
        y = np.nan_to_num(X) @ [1, -2, 3, 0, 1]
        label = np.digitize(y, [-2, 2]) if "num_class" in options else (y > 0) * 1.0
        settings = {"num_threads": 1, "verbose": -1, "num_leaves": 15, **options}
        self.booster = lightgbm.train(settings, lightgbm.Dataset(X, label), 30)
        text = self.booster.model_to_string().encode()
        self.plain = Pipeline(features_json([], [0, 1, 2, 3, 4]), text)
        # The same features, by way of a graph: x + 0.0 - 0.0 changes no bit but the sign of a zero.
        nodes = [{"op": "add", "of": [i], "by": 0.0} for i in range(5)]
        self.graph = Pipeline(features_json(nodes, [5, 6, 7, 8, 9]), text)

    def expect(self, X: Array, raw_score: bool = False) -> Array:
        return np.asarray(
            self.booster.predict(np.asarray(X, dtype="float64"), raw_score=raw_score, num_threads=1)
        )


@pytest.fixture(scope="module")
def binary() -> Model:
    return Model(objective="binary")


@pytest.fixture(scope="module")
def classes() -> Model:
    return Model(objective="multiclass", num_class=3)


def arrow(X: Array, **replaced: Any) -> pa.RecordBatch:
    columns = {name: pa.array(X[:, i], from_pandas=True) for i, name in enumerate(NAMES)} | replaced
    return pa.record_batch({name: columns[name] for name in NAMES})


@pytest.mark.parametrize("rows", [1, 3, 511, 512, 513, 1300])
def test_arrow_batches_and_slices(binary: Model, rows: int) -> None:
    X = data(rows + 20, 21)
    whole = arrow(X)
    for offset in (0, 1, 7, 8, 13):
        batch = whole.slice(offset, rows)
        want = binary.expect(X[offset : offset + rows]).tobytes()
        assert binary.graph.predict_arrow(batch).tobytes() == want
        assert binary.plain.predict_arrow(batch.to_struct_array()).tobytes() == want
        assert binary.plain.predict_arrow(pa.Table.from_batches([batch])).tobytes() == want
        found = binary.graph.contributions_arrow(batch.slice(0, 20))
        assert found.tobytes() == binary.graph.contributions(X[offset : offset + min(20, rows)]).tobytes()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 900), max_size=6), st.sampled_from([1, 2]))
def test_arrow_tables_of_any_chunks(binary: Model, chunks: list[int], threads: int) -> None:
    X = data(sum(chunks), 22)
    whole = arrow(X)
    ends = np.cumsum([0, *chunks]).tolist()
    pieces = [whole.slice(begin, end - begin) for begin, end in itertools.pairwise(ends)]
    table = pa.Table.from_batches(pieces, whole.schema)
    assert binary.graph.predict_arrow(table, threads=threads).tobytes() == binary.plain.predict(X).tobytes()


NUMBERS: list[Any] = [
    pa.array([1, -2, None, 127], pa.int8()),
    pa.array([1, 2, None, 255], pa.uint8()),
    pa.array([1, -2, None, 32767], pa.int16()),
    pa.array([1, 2, None, 65535], pa.uint16()),
    pa.array([1, -2, None, 2**31 - 1], pa.int32()),
    pa.array([1, 2, None, 2**32 - 1], pa.uint32()),
    pa.array([1, -2, None, 2**63 - 1], pa.int64()),
    pa.array([1, 2, None, 2**64 - 1], pa.uint64()),
    pa.array([1.5, -2.0, None, 0.1], pa.float32()),
    pa.array([1.5, -2.0, None, NAN], pa.float64()),
    pa.array([True, False, None, True], pa.bool_()),
    pa.array([None] * 4, pa.null()),
]


UTC = datetime.UTC
MOMENTS = [
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999000, UTC),
    datetime.datetime(2024, 2, 29, 12, 30, 15, 123000, UTC),
    None,
    datetime.datetime(1970, 1, 1, tzinfo=UTC),
    datetime.datetime(2261, 1, 1, 0, 0, 0, 1000, UTC),
]


def seconds_of(moments: list[datetime.datetime | None]) -> list[float | None]:
    return [moment.timestamp() if moment else None for moment in moments]


def exact(column: Any, values: list[float | None]) -> None:
    """Hold a column against values (None is missing) to the last bit, by graphs that ask for equality."""
    for row, value in enumerate(values):
        operation = (
            {"op": "isnan", "of": [0]} if value is None else {"op": "equal", "of": [0], "value": value}
        )
        asking = Pipeline(features_json([operation], [5, 1, 2, 3, 4]), _zero_or_one())
        batch = pa.record_batch(
            {"a": column, **{name: pa.array(np.zeros(len(column))) for name in NAMES[1:]}}
        )
        assert asking.predict_arrow(batch.slice(row, 1), raw_score=True)[0] > 0.5, (row, value)


@cache
def _zero_or_one() -> bytes:
    """Make a forest whose raw score is 1 where its first feature is 1 and 0 where it is 0."""
    X = np.zeros((20, 5))
    X[10:, 0] = 1
    options = {
        "objective": "regression",
        "num_threads": 1,
        "verbose": -1,
        "num_leaves": 2,
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
        "learning_rate": 1.0,
        "boost_from_average": False,
    }
    return lightgbm.train(options, lightgbm.Dataset(X, X[:, 0]), 1).model_to_string().encode()


@pytest.mark.parametrize("column", NUMBERS, ids=lambda column: str(column.type))
def test_arrow_types(column: Any) -> None:
    values = [None if value is None or value != value else float(value) for value in column.to_pylist()]
    exact(column, values)
    exact(column.slice(1, 3), values[1:])
    exact(
        pa.concat_arrays([pa.nulls(9, column.type), column, column]).slice(7), [None, None, *values, *values]
    )


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_timestamps_are_seconds(unit: str, zone: str | None) -> None:
    moments = [m and (m.replace(microsecond=0) if unit == "s" else m) for m in MOMENTS]
    column = pa.array(
        [m and (m if zone else m.replace(tzinfo=None)) for m in moments], pa.timestamp(unit, zone)
    )
    exact(column, seconds_of(moments))


def test_arrow_dates_are_seconds() -> None:
    days = [datetime.date(1969, 12, 31), datetime.date(2024, 2, 29), None, datetime.date(1970, 1, 1)]
    seconds = [None if d is None else (d - datetime.date(1970, 1, 1)).days * 86400.0 for d in days]
    for kind in (pa.date32(), pa.date64()):
        exact(pa.array(days, kind), seconds)


def test_arrow_dictionaries_give_their_codes() -> None:
    for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64()):
        codes = pa.array([2, 0, None, 1], kind)
        column = pa.DictionaryArray.from_arrays(codes, ["x", "y", "z"])
        exact(column, [2.0, 0.0, None, 1.0])
        exact(column.slice(1), [0.0, None, 1.0])


def test_a_null_row_of_a_struct_is_missing(binary: Model) -> None:
    X = data(30, 23)
    batch = arrow(X)
    mask = pa.array(np.arange(30) % 3 == 0)
    column = pa.StructArray.from_arrays(batch.columns, names=NAMES, mask=mask)
    X[::3] = NAN
    assert binary.graph.predict_arrow(column).tobytes() == binary.expect(X).tobytes()
    assert binary.graph.predict_arrow(column.slice(5)).tobytes() == binary.expect(X[5:]).tobytes()


def test_polars(binary: Model) -> None:
    X = data(1500, 24)
    frame = pl.DataFrame({name: X[:, i] for i, name in enumerate(NAMES)}).fill_nan(None)
    want = binary.expect(X).tobytes()
    assert binary.graph.predict_arrow(frame).tobytes() == want
    assert (
        binary.graph.predict_arrow(pl.concat([frame[:700], frame[700:]], rechunk=False), threads=2).tobytes()
        == want
    )
    assert binary.graph.predict_arrow(frame[3:1000]).tobytes() == binary.expect(X[3:1000]).tobytes()


def test_polars_types() -> None:
    when = pl.Series([None if m is None else m.replace(tzinfo=None) for m in MOMENTS])
    for unit in ("ms", "us", "ns"):
        frame = pl.DataFrame({"a": when.cast(pl.Datetime(unit))})
        exact(frame.to_arrow()["a"].combine_chunks(), seconds_of(MOMENTS))
    flags = pl.DataFrame({"a": [True, None, False]}).to_arrow()["a"].combine_chunks()
    exact(flags, [1.0, None, 0.0])
    codes = (
        pl.DataFrame({"a": pl.Series(["y", None, "x"], dtype=pl.Enum(["x", "y"]))})
        .to_arrow()["a"]
        .combine_chunks()
    )
    exact(codes, [1.0, None, 0.0])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["x"] * 3), r"column 1 \(b\): expected numbers.*found text \(Arrow format 'u'\)"),
        (pa.array(["x"] * 3, pa.large_string()), "found text"),
        (pa.array([b"x"] * 3), "found bytes"),
        (pa.array(np.zeros(3, "float16")), r"column 1 \(b\).*found float16"),
        (pa.array([[1]] * 3), "found lists"),
        (pa.array([{"x": 1}] * 3), "found structs"),
        (pa.array([1, 2, 3], pa.time32("s")), "found times of day"),
        (pa.array([1, 2, 3], pa.duration("s")), "Arrow format 'tDs'"),
        (pa.array([1, 2, 3], pa.decimal128(5)), "Arrow format 'd:5,0'"),
    ],
    ids=lambda v: str(v.type) if isinstance(v, pa.Array) else "",
)
def test_arrow_types_refused(binary: Model, column: Any, message: str) -> None:
    for form in (arrow(data(3), b=column), pa.Table.from_batches([arrow(data(3), b=column)])):
        with pytest.raises(ValueError, match=message):
            binary.graph.predict_arrow(form)


def test_arrow_columns_must_be_the_inputs_in_order(binary: Model) -> None:
    batch = arrow(data(3))
    with pytest.raises(ValueError, match="has 4 columns, the pipeline has 5 inputs"):
        binary.graph.predict_arrow(batch.select(NAMES[:4]))
    with pytest.raises(ValueError, match=r"column 0 \(b\): the pipeline's input in this place is a"):
        binary.graph.predict_arrow(batch.select(["b", "a", "c", "d", "e"]))
    with pytest.raises(ValueError, match=r"expected a record batch.*Arrow format 'g'"):
        binary.graph.predict_arrow(batch.column(0))
    with pytest.raises(TypeError, match=r"expected Arrow data.*found ndarray"):
        binary.graph.predict_arrow(data(3))  # type: ignore[arg-type]
    renamed = batch.rename_columns(["v", "w", "x", "y", "z"])
    assert binary.graph.predict_arrow(renamed).tobytes() == binary.expect(data(3)).tobytes()
