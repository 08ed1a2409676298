"""The transform graph: every operation bit for bit as numpy, rows as blocks, and shares."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scoring._engine import Pipeline

Array = NDArray[np.float64]
Node = dict[str, Any]
NAN = float("nan")
SPECIAL = [
    NAN,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    2.999999,
    3.0,
    1e-310,
    -5e-324,
    1e308,
    -1e308,
    float("inf"),
    float("-inf"),
    1e9,
    1.7e9,
]


@cache
def forest_text(features: int) -> bytes:
    rng = np.random.default_rng(features)
    X = rng.normal(size=(60, features))
    options = {
        "objective": "regression",
        "num_threads": 1,
        "verbose": -1,
        "min_data_in_leaf": 3,
        "num_leaves": 7,
    }
    model = lightgbm.train(options, lightgbm.Dataset(X, X.sum(axis=1)), 3)
    return model.model_to_string().encode()


def document(inputs: int, nodes: list[Node], outputs: list[int]) -> dict[str, Any]:
    return {
        "format": 1,
        "inputs": [f"x{i}" for i in range(inputs)],
        "nodes": nodes,
        "outputs": outputs,
        "names": [f"f{i}" for i in range(len(outputs))],
    }


def encode(graph: dict[str, Any]) -> bytes:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return None if isinstance(value, float) and np.isnan(value) else value

    return json.dumps(plain(graph), allow_nan=False).encode()


def pipeline(inputs: int, nodes: list[Node], outputs: list[int]) -> Pipeline:
    return Pipeline(encode(document(inputs, nodes, outputs)), forest_text(len(outputs)))


def date_part(x: Array, part: str) -> Array:
    good = np.isfinite(x) & (np.abs(x) <= 2.0**53)
    seconds = np.floor(np.where(good, x, 0.0)).astype("int64").astype("M8[s]")
    days, years = seconds.astype("M8[D]"), seconds.astype("M8[Y]")
    day_of_year = (days - years.astype("M8[D]")).astype("int64") + 1
    of_day = (seconds - days.astype("M8[s]")).astype("int64")
    found = {
        "year": years.astype("int64") + 1970,
        "month": seconds.astype("M8[M]").astype("int64") % 12 + 1,
        "day": (days - seconds.astype("M8[M]").astype("M8[D]")).astype("int64") + 1,
        "hour": of_day // 3600,
        "minute": of_day // 60 % 60,
        "weekday": (days.astype("int64") + 3) % 7,
        "dayofyear": day_of_year,
        "week": day_of_year // 7,
    }[part]
    return np.asarray(np.where(good, found.astype("float64"), NAN))


def table_value(node: Node, x: Array) -> Array:
    seen = (x >= 0) & (x < len(node["table"]))
    codes = np.where(seen, x, 0).astype("int64")
    values = np.array([*node["table"], NAN], dtype="float64")[codes]
    return np.asarray(np.where(np.isnan(x), node["missing"], np.where(seen, values, node["unseen"])))


def key_value(node: Node, x: Array) -> Array:
    known = dict(zip(node["keys"], node["values"], strict=True))
    return np.array(
        [node["missing"] if np.isnan(v) else known.get(v, node["unseen"]) for v in x], dtype="float64"
    )


def projected(node: Node, columns: list[Array]) -> list[Array]:
    out = [np.zeros(len(columns[0])) for _ in node["weights"]]
    for j, x in enumerate(columns):
        z = (np.where(np.isnan(x), node["fill"][j], x) - node["center"][j]) / node["scale"][j]
        for k, weights in enumerate(node["weights"]):
            out[k] = out[k] + z * weights[j]
    return out


ONE: dict[str, Callable[[Node, Array], Array]] = {
    "lookup": table_value,
    "match": key_value,
    "equal": lambda node, x: (x == node["value"]).astype("float64"),
    "isnan": lambda node, x: np.isnan(x).astype("float64"),
    "fill": lambda node, x: np.where(np.isnan(x), node["value"], x),
    "clip": lambda node, x: np.where(
        x < node["low"], node["low"], np.where(x > node["high"], node["high"], x)
    ),
    "date": lambda node, x: date_part(x, node["part"]),
}
TWO: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": lambda a, b: np.where(b == 0, NAN, a / b),
}


def reference(graph: dict[str, Any], X: Array) -> Array:
    columns = [X[:, i] for i in range(X.shape[1])]
    with np.errstate(all="ignore"):
        for node in graph["nodes"]:
            of = [columns[i] for i in node["of"]]
            if node["op"] == "project":
                columns += projected(node, of)
            elif node["op"] in TWO:
                columns.append(TWO[node["op"]](of[0], np.full(len(X), node["by"]) if "by" in node else of[1]))
            else:
                columns.append(ONE[node["op"]](node, of[0]))
    return np.column_stack([columns[i] for i in graph["outputs"]])


def same_bits(a: Array, b: Array) -> bool:
    missing = np.isnan(a)
    return np.array_equal(missing, np.isnan(b)) and a[~missing].tobytes() == b[~missing].tobytes()


def check(graph: dict[str, Any], X: Array) -> None:
    engine = Pipeline(encode(graph), forest_text(len(graph["outputs"])))
    want = reference(graph, X)
    blocks = engine.transform(X)
    assert same_bits(blocks, want)
    for r in range(0, len(X), max(1, len(X) // 40)):
        assert engine.transform(X[r : r + 1]).tobytes() == blocks[r : r + 1].tobytes()


def values(rng: np.random.Generator, rows: int, columns: int) -> Array:
    X = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-3, 4, size=(rows, columns))
    X = np.where(rng.random(X.shape) < 0.4, rng.choice(SPECIAL, X.shape), X)
    return np.where(rng.random(X.shape) < 0.2, rng.integers(-2, 9, X.shape).astype("float64"), X)


NODES: list[Node] = [
    *({"op": op, "of": [0, 1]} for op in TWO),
    *({"op": op, "of": [0], "by": by} for op in TWO for by in (3.7, 0.0, -0.0, NAN, 1e300)),
    {"op": "add", "of": [1, 1]},
    {"op": "lookup", "of": [0], "table": [10.0, NAN, -3.5], "missing": 7.0, "unseen": 8.0},
    {"op": "lookup", "of": [0], "table": [], "missing": NAN, "unseen": -1.0},
    {
        "op": "match",
        "of": [0],
        "keys": [-1.0, 0.0, 0.5, 3.0],
        "values": [1.0, 2.0, NAN, 4.0],
        "missing": 5.0,
        "unseen": 6.0,
    },
    {"op": "match", "of": [0], "keys": [2.0], "values": [1.0], "missing": NAN, "unseen": 0.0},
    {"op": "match", "of": [0], "keys": [], "values": [], "missing": 1.0, "unseen": 0.0},
    {"op": "equal", "of": [0], "value": 0.0},
    {"op": "equal", "of": [0], "value": NAN},
    {"op": "isnan", "of": [0]},
    {"op": "fill", "of": [0], "value": -2.5},
    {"op": "clip", "of": [0], "low": -1.0, "high": 2.0},
    {"op": "clip", "of": [0], "low": NAN, "high": 2.0},
    {"op": "clip", "of": [0], "low": -0.0, "high": 0.0},
    {
        "op": "project",
        "of": [0, 1, 2],
        "fill": [0.5, NAN, 0.0],
        "center": [0.1, -2.0, 0.0],
        "scale": [3.0, 0.7, -1.0],
        "weights": [[0.3, -0.2, 1.0], [0.0, 0.0, 0.0], [1e200, 1.0, -1.0]],
    },
]


@pytest.mark.parametrize(
    "node", NODES, ids=lambda node: f"{node['op']}-{'by' if 'by' in node else len(node['of'])}"
)
def test_each_operation_gives_numpy_s_bits(node: Node) -> None:
    width = len(node.get("weights", [0]))  # columns it makes
    check(document(3, [node], [3 + k for k in range(width)]), values(np.random.default_rng(1), 1100, 3))


@pytest.mark.parametrize("part", ["year", "month", "day", "hour", "minute", "weekday", "dayofyear", "week"])
def test_date_parts(part: str) -> None:
    rng = np.random.default_rng(2)
    year = 365.2425 * 86400
    midnights = np.floor(rng.uniform(-3000 * year, 8000 * year, 1000) / 86400) * 86400
    leap = [951782400.0, 951868799.0, 951868800.0, 4107542400.0]  # around 2000-02-29, 2100-03-01
    x = np.concatenate(
        [
            SPECIAL,
            rng.uniform(-3000 * year, 8000 * year, 3000),  # from before the year -1000 to beyond 9999
            midnights,
            midnights - 1e-6,
            [-1.0, -86400.0, -86401.0, *leap, 2.0**53, -(2.0**53), 2.0**53 + 2],
        ]
    )
    check(document(1, [{"op": "date", "of": [0], "part": part}], [1]), x[:, None])


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    inputs = draw(st.integers(1, 5))
    number = st.one_of(st.sampled_from(SPECIAL[:14]), st.floats(-1e6, 1e6))
    finite = st.floats(-1e3, 1e3)
    columns, nodes = inputs, []
    for _ in range(draw(st.integers(0, 12))):
        op = draw(st.sampled_from([*TWO, *ONE, "project"]))
        column = st.integers(0, columns - 1)
        node: Node = {"op": op, "of": [draw(column)]}
        if op in TWO:
            node |= {"by": draw(number)} if draw(st.booleans()) else {"of": [draw(column), draw(column)]}
        elif op == "project":
            node["of"] = draw(st.lists(column, min_size=1, max_size=4))
            count = len(node["of"])
            for key, kind in (("fill", number), ("center", finite), ("scale", finite.filter(bool))):
                node[key] = draw(st.lists(kind, min_size=count, max_size=count))
            node["weights"] = draw(
                st.lists(st.lists(finite, min_size=count, max_size=count), min_size=1, max_size=3)
            )
        elif op in ("lookup", "match"):
            node |= {"missing": draw(number), "unseen": draw(number)}
            if op == "lookup":
                node["table"] = draw(st.lists(number, max_size=6))
            else:
                node["keys"] = sorted(draw(st.sets(st.integers(-3, 9), max_size=7)))
                node["values"] = [draw(number) for _ in node["keys"]]
        elif op in ("equal", "fill"):
            node["value"] = draw(number)
        elif op == "clip":
            node["low"], node["high"] = sorted([draw(finite), draw(finite)])
        elif op == "date":
            node["part"] = draw(st.sampled_from(["year", "month", "weekday", "week"]))
        nodes.append(node)
        columns += len(node.get("weights", [0]))
    outputs = draw(st.lists(st.integers(0, columns - 1), min_size=1, max_size=8))
    return document(inputs, nodes, outputs)


@settings(max_examples=120, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 17, 512, 515]))
def test_any_graph_gives_the_reference_s_bits(graph: dict[str, Any], seed: int, rows: int) -> None:
    check(graph, values(np.random.default_rng(seed), rows, len(graph["inputs"])))


def test_inputs_that_only_dead_nodes_use_do_not_matter() -> None:
    nodes: list[Node] = [{"op": "div", "of": [1, 2]}, {"op": "add", "of": [0], "by": 1.0}]
    engine = pipeline(3, nodes, [4])
    X = np.random.default_rng(3).normal(size=(700, 3))
    changed = X.copy()
    changed[:, 1:] = NAN
    assert np.array_equal(engine.transform(X), engine.transform(changed))
    assert np.array_equal(engine.predict(X), engine.predict(changed))


PROGRAM = """
import hashlib, json, sys
import numpy as np
from scoring import _engine
graph, forest, X = sys.argv[1].encode(), open(sys.argv[2], "rb").read(), np.load(sys.argv[3])
engine = _engine.Pipeline(graph, forest)
print(_engine.isa, hashlib.sha256(engine.transform(X).tobytes() + engine.predict(X).tobytes()).hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits(tmp_path: Any) -> None:
    features = len(NODES) + 5
    graph = encode(document(3, NODES, list(range(features))))
    X = values(np.random.default_rng(4), 1300, 3)
    np.save(tmp_path / "X.npy", X)
    (tmp_path / "forest").write_bytes(forest_text(features))
    engine = Pipeline(graph, forest_text(features))
    want = hashlib.sha256(engine.transform(X).tobytes() + engine.predict(X).tobytes()).hexdigest()
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        graph.decode(),
        str(tmp_path / "forest"),
        str(tmp_path / "X.npy"),
    ]
    for isa in ("baseline", "avx2"):
        found = subprocess.run(
            command, env=os.environ | {"SCORING_ISA": isa}, capture_output=True, text=True, check=True
        )
        assert found.stdout.split()[1] == want


def shares(graph: dict[str, Any]) -> Array:
    inputs = len(graph["inputs"])
    rows = list(np.eye(inputs))
    for node in graph["nodes"]:
        of = [rows[i] for i in node["of"]]
        for weights in node.get("weights", [[1.0] * len(of)]):
            size = np.abs(weights) if np.any(weights) else np.ones(len(of))
            rows.append(sum(part * row for part, row in zip(size / size.sum(), of, strict=True)))
    return np.array([rows[i] for i in graph["outputs"]])


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_contributions_of_inputs_are_shares_of_the_features(graph: dict[str, Any]) -> None:
    engine = Pipeline(encode(graph), forest_text(len(graph["outputs"])))
    X = values(np.random.default_rng(5), 20, len(graph["inputs"]))
    parts, original = engine.contributions(X, original=False), engine.contributions(X)
    assert original.shape == (20, engine.inputs + 1)
    np.testing.assert_allclose(original[:, :-1], parts[:, :-1] @ shares(graph), rtol=1e-9, atol=1e-12)
    assert np.array_equal(original[:, -1], parts[:, -1])


def test_share_of_a_projection_is_by_the_size_of_its_weights() -> None:
    project = {
        "op": "project",
        "of": [0, 1],
        "fill": [0, 0],
        "center": [0, 0],
        "scale": [1, 1],
        "weights": [[3.0, -1.0]],
    }
    engine = pipeline(2, [project, {"op": "add", "of": [2, 0]}], [3])
    X = np.random.default_rng(6).normal(size=(5, 2))
    part = engine.contributions(X, original=False)
    np.testing.assert_allclose(engine.contributions(X)[:, :2], part[:, :1] * [0.875, 0.125], rtol=1e-12)
