"""What the engine takes: arrays of any strides, sequences; and what it refuses."""

import json
import subprocess
import sys
from typing import Any

import lightgbm
import numpy as np
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


ROWS = [1, 2, 3, 7, 8, 9, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 1537]


@pytest.mark.parametrize("rows", ROWS)
def test_any_number_of_rows(binary: Model, classes: Model, rows: int) -> None:
    X = data(rows, rows)
    for model in (binary, classes):
        for engine in (model.plain, model.graph):
            for raw in (False, True):
                found = engine.predict(X, raw_score=raw)
                want = model.expect(X, raw)
                assert found.dtype == np.float64
                assert found.shape == want.shape
                assert found.tobytes() == want.tobytes()


def test_no_rows(binary: Model, classes: Model) -> None:
    empty = np.empty((0, 5))
    assert binary.graph.predict(empty).shape == (0,)
    assert classes.graph.predict(empty, threads=2).shape == (0, 3)
    assert classes.graph.contributions(empty).shape == (0, 18)
    assert classes.graph.transform(empty).shape == (0, 5)
    batch = pa.record_batch({name: pa.array([], pa.float64()) for name in NAMES})
    assert classes.graph.predict_arrow(batch).shape == (0, 3)
    assert classes.graph.predict_arrow(pa.Table.from_batches([], batch.schema)).shape == (0, 3)


def views(X: Array) -> dict[str, Any]:
    rows, columns = X.shape
    wide = np.full((rows * 2, columns * 3), 7.0)
    wide[::2, ::3] = X
    packed = np.zeros((rows, columns * 8 + 3), dtype="uint8")
    packed[:, 3:] = np.ascontiguousarray(X).view("uint8").reshape(rows, columns * 8)
    return {
        "row-major": X,
        "column-major": np.asfortranarray(X),
        "every other row, every third column": wide[::2, ::3],
        "rows backwards": X[::-1].copy()[::-1],
        "columns backwards": X[:, ::-1].copy()[:, ::-1],
        "both backwards, column-major": np.asfortranarray(X[::-1, ::-1])[::-1, ::-1],
        "unaligned": np.ndarray((rows, columns), "float64", packed, 3, (columns * 8 + 3, 8)),
        "memoryview": memoryview(np.ascontiguousarray(X)),  # type: ignore[arg-type]
        "read-only": np.frombuffer(np.ascontiguousarray(X).tobytes()).reshape(rows, columns),
    }


@pytest.mark.parametrize("rows", [1, 2, 5, 700])
def test_strides_of_every_kind(binary: Model, rows: int) -> None:
    X = data(rows, 11)
    want = binary.expect(X).tobytes()
    for name, view in views(X).items():
        for engine in (binary.plain, binary.graph):
            assert engine.predict(view).tobytes() == want, name
            assert engine.transform(view).tobytes() == engine.transform(X).tobytes(), name
            assert engine.contributions(view).tobytes() == engine.contributions(X).tobytes(), name


def test_zero_strides(binary: Model) -> None:
    row = data(1, 12)
    X = np.broadcast_to(row[0], (600, 5))
    assert binary.graph.predict(X).tobytes() == binary.expect(X.copy()).tobytes()
    X = np.broadcast_to(data(600, 13)[:, :1], (600, 5))
    assert binary.graph.predict(X).tobytes() == binary.expect(X.copy()).tobytes()


@pytest.mark.parametrize("rows", [1, 2, 700])
def test_float32(binary: Model, rows: int) -> None:
    X = data(rows, 14).astype("float32")
    want = binary.expect(X).tobytes()
    for view in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], np.repeat(X, 2, axis=1)[:, ::2]):
        assert binary.plain.predict(view).tobytes() == want
        assert binary.graph.predict(view).tobytes() == want


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1200), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(), st.booleans()
)
def test_any_slice(
    binary: Model, rows: int, step: int, gap: int, back: bool, single: bool, transposed: bool
) -> None:
    base = data(rows * step, 15)
    base = np.repeat(base, gap, axis=1).astype("float32" if single else "float64")
    base = np.asfortranarray(base) if transposed else base
    X = base[:: -step if back else step, ::gap]
    want = binary.plain.predict(np.ascontiguousarray(X, dtype="float64"))
    assert binary.graph.predict(X).tobytes() == want.tobytes()


def test_sequences(binary: Model, classes: Model) -> None:
    cells: list[Any] = [1.5, None, 3, True, np.float64(-0.25)]
    X = np.array([[1.5, NAN, 3.0, 1.0, -0.25]])
    for engine, model in ((binary.graph, binary), (classes.plain, classes)):
        want = model.expect(X)
        assert engine.predict(cells).tobytes() == want.tobytes()
        assert engine.predict(tuple(cells), raw_score=True).tobytes() == model.expect(X, True).tobytes()
        assert engine.predict(X[0]).tobytes() == want.tobytes()
        assert engine.transform(cells).tobytes() == X.tobytes()
        assert engine.contributions(cells).tobytes() == engine.contributions(X).tobytes()
        row = engine.row(cells)
        assert engine.row(tuple(cells)) == row
        assert (row if isinstance(row, tuple) else (row,)) == tuple(want.ravel().tolist())


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((3, 4)), ValueError, "X has 4 columns, the pipeline has 5 inputs"),
        (np.zeros(6), ValueError, "X has 6 columns, the pipeline has 5 inputs"),
        (np.zeros((1, 3, 5)), ValueError, r"X has 3 dimensions, needs 2: \(rows, 5\)"),
        (np.float64(1), ValueError, "X has 0 dimensions"),
        (
            np.zeros((3, 5), "int64"),
            TypeError,
            r"items of format 'l'.*convert with numpy\.asarray\(X, dtype=numpy\.float64\)",
        ),
        (np.zeros((3, 5), "bool"), TypeError, r"items of format '\?'"),
        (np.zeros((3, 5), ">f8"), TypeError, "items of format '>d'.*machine's byte order"),
        (np.zeros((3, 5), "complex128"), TypeError, "items of format 'Zd'"),
        (np.zeros((3, 5), "float16"), TypeError, "items of format 'e'"),
        (b"12345", TypeError, "items of format 'B'"),
        ("12345", TypeError, "X must be a float64 or float32 array.*found str"),
        (None, TypeError, "found NoneType"),
        ({"a": 1}, TypeError, "found dict"),
        ([1, 2, 3, 4], ValueError, "the row has 4 cells, the pipeline has 5 inputs"),
        ((1, 2, 3, 4, 5, 6), ValueError, "the row has 6 cells"),
        ([1, 2, "3", 4, 5], TypeError, r"cell 2 \(c\): expected a number or None, found str"),
        ([[1, 2, 3, 4, 5]] * 5, TypeError, r"cell 0 \(a\): expected a number or None, found list"),
    ],
    ids=range(17),
)
def test_what_is_refused(binary: Model, X: Any, error: type[Exception], message: str) -> None:
    for method in (binary.graph.predict, binary.plain.contributions, binary.graph.transform):
        with pytest.raises(error, match=message):
            method(X)


def test_arguments(binary: Model) -> None:
    engine: Any = binary.graph
    X = data(3)
    assert np.array_equal(engine.predict(X, True, 1), engine.predict(X, raw_score=True, threads=1))
    assert np.array_equal(engine.contributions(X, False), engine.contributions(X, original=False))
    for call, message in (
        (lambda: engine.predict(), "takes 1 to 3 positional arguments, found 0"),
        (lambda: engine.predict(X, True, 1, 2), "takes 1 to 3"),
        (lambda: engine.transform(X, True, 1), "takes 1 to 2"),
        (lambda: engine.predict(X, raw=True), "unexpected or repeated argument 'raw'"),
        (lambda: engine.predict(X, True, raw_score=True), "unexpected or repeated argument 'raw_score'"),
        (lambda: engine.transform(X, raw_score=True), "unexpected or repeated argument 'raw_score'"),
        (lambda: engine.predict(X, threads="2"), "integer"),
        (lambda: engine.row("12345"), "a row is a list or tuple of numbers and None, found str"),
        (lambda: Pipeline(b"{}"), "both bytes"),  # type: ignore[call-arg]
        (lambda: Pipeline("{}", ""), "bytes-like"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=message):
            call()
    for threads in (-1, 5000):
        with pytest.raises(ValueError, match="threads must be 0"):
            engine.predict(X, threads=threads)


class Shrinks:
    """A number that shortens the row it stands in when it is read."""

    def __init__(self, cells: list[Any]) -> None:
        self.cells = cells

    def __float__(self) -> float:
        self.cells.clear()
        return 1.0


def test_a_row_that_changes_while_it_is_read(binary: Model) -> None:
    cells: list[Any] = []
    cells += [Shrinks(cells), 1.0, 2.0, 3.0, 4.0]
    with pytest.raises(IndexError):
        binary.graph.row(cells)


def test_attributes(binary: Model, classes: Model) -> None:
    engine = classes.graph
    assert (engine.inputs, engine.features, engine.outputs, engine.trees, engine.iterations) == (
        5,
        5,
        3,
        90,
        30,
    )
    assert (engine.objective, binary.plain.objective) == ("multiclass", "binary")
    assert engine.input_names == NAMES
    assert engine.feature_names == ["f5", "f6", "f7", "f8", "f9"]
    assert engine.has_counts
    assert repr(binary.plain) == "<Pipeline: 5 inputs, 5 features, 30 trees, 1 outputs>"


def test_contributions_need_counts(binary: Model) -> None:
    lines = binary.booster.model_to_string().splitlines()
    text = "\n".join(
        line for line in lines if not line.startswith(("leaf_count=", "internal_count="))
    ).encode()
    engine = Pipeline(features_json([], [0, 1, 2, 3, 4]), text)
    assert not engine.has_counts
    assert engine.predict(data(3)).tobytes() == binary.expect(data(3)).tobytes()
    with pytest.raises(ValueError, match="carries no leaf_count or internal_count"):
        engine.contributions(data(3))


def test_a_row_is_scored_without_numpy(binary: Model, tmp_path: Any) -> None:
    (tmp_path / "features").write_bytes(features_json([], [0, 1, 2, 3, 4]))
    (tmp_path / "forest").write_text(binary.booster.model_to_string())
    # Loaded by its file, so that only the engine is imported.
    from scoring import _engine

    program = (
        "import importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('_engine', sys.argv[1])\n"
        "engine = importlib.util.module_from_spec(spec); spec.loader.exec_module(engine)\n"
        "read = lambda name: (pathlib.Path(sys.argv[2]) / name).read_bytes()\n"
        "print(engine.Pipeline(read('features'), read('forest')).row([1.0, None, 3, True, -0.25]).hex())\n"
        "assert 'numpy' not in sys.modules\n"
    )
    command = [sys.executable, "-c", program, str(_engine.__file__), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float.fromhex(found.stdout) == binary.graph.row([1.0, None, 3, True, -0.25])
