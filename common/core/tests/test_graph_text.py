"""features.json as text: what is refused, by node and key, and that names and numbers come through whole."""

import json
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import pytest
from scoring._engine import Pipeline

Node = dict[str, Any]


@cache
def forest_text(features: int) -> bytes:
    X = np.random.default_rng(features).normal(size=(60, features))
    options = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 3}
    return lightgbm.train(options, lightgbm.Dataset(X, X.sum(axis=1)), 3).model_to_string().encode()


def document(inputs: int, nodes: list[Node], outputs: list[int]) -> dict[str, Any]:
    names = [f"f{i}" for i in range(len(outputs))]
    columns = [f"x{i}" for i in range(inputs)]
    return {"format": 1, "inputs": columns, "nodes": nodes, "outputs": outputs, "names": names}


def encode(graph: dict[str, Any]) -> bytes:
    return json.dumps(graph, allow_nan=False).encode()


GOOD = document(
    3,
    [
        {"op": "add", "of": [0, 1]},
        {"op": "match", "of": [0], "keys": [1.0, 2.0], "values": [3.0, 4.0], "missing": 0.0, "unseen": 0.0},
        {
            "op": "project",
            "of": [0, 1],
            "fill": [0, 0],
            "center": [0, 0],
            "scale": [1, 1],
            "weights": [[1, 2]],
        },
        {"op": "lookup", "of": [0], "table": [1.0], "missing": 0.0, "unseen": 0.0},
        {"op": "clip", "of": [0], "low": 0, "high": 1},
        {"op": "date", "of": [0], "part": "year"},
        {"op": "fill", "of": [2], "value": 1},
    ],
    [3, 4, 5, 6, 7, 8, 9],
)

REFUSALS: list[tuple[list[Any], Any, str]] = [
    (["format"], 2, r'key "format": this engine reads format 1, the file says 2'),
    (["surprise"], 1, r'unknown key "surprise"'),
    (["inputs"], "a", r'key "inputs": expected an array of strings, found a string'),
    (["inputs"], [1], r'key "inputs": expected an array of strings, found an array of numbers'),
    (["nodes"], 3, r'key "nodes": expected an array of nodes, found a number'),
    (["outputs"], [3, 4, 5, 6, 7, 8, 10], r'key "outputs": column 10 does not exist here'),
    (["outputs"], [3.5], r'key "outputs": column 3.5'),
    (["outputs"], [None], r'key "outputs": null is no column number'),
    (["names"], ["a"], r'key "names": has 1 names, needs 7'),
    (["nodes", 0], 5, r"nodes\[0\]: expected an object, found a number"),
    (["nodes", 0, "op"], "pow", r'nodes\[0\]: key "op": unknown operation "pow"; known: add'),
    (["nodes", 0, "op"], 1, r'nodes\[0\]: key "op": expected a string'),
    (
        ["nodes", 0, "of"],
        [0, 3],
        r'nodes\[0\] \(add\): key "of": column 3 does not exist here: columns 0 to 2',
    ),
    (["nodes", 0, "of"], [0, -1], r'nodes\[0\] \(add\): key "of": column -1'),
    (["nodes", 0, "of"], [0], r'nodes\[0\] \(add\): key "of": has 1 columns, needs 2'),
    (["nodes", 0, "by"], 2, r'nodes\[0\] \(add\): key "of": has 2 columns, needs 1'),
    (["nodes", 0, "with"], 2, r'nodes\[0\] \(add\): unknown key "with"'),
    (["nodes", 1, "keys"], [2.0, 1.0], r'nodes\[1\] \(match\): key "keys": not ascending at number 1'),
    (["nodes", 1, "keys"], [1.0, 1.0], r'nodes\[1\] \(match\): key "keys": not ascending'),
    (["nodes", 1, "keys"], [1.0, None], r'nodes\[1\] \(match\): key "keys": number 1 is null'),
    (
        ["nodes", 1, "values"],
        [1.0],
        r'nodes\[1\] \(match\): key "values": has 1 numbers, needs 2, one for each key',
    ),
    (["nodes", 2, "scale"], [1, 0], r'nodes\[2\] \(project\): key "scale": number 1 is 0'),
    (["nodes", 2, "scale"], [1], r'nodes\[2\] \(project\): key "scale": has 1 numbers, needs 2'),
    (
        ["nodes", 2, "weights"],
        [[1, 2], [1]],
        r'nodes\[2\] \(project\): key "weights": row 1 has 1 numbers, needs 2',
    ),
    (["nodes", 2, "weights"], [1, 2], r'nodes\[2\] \(project\): key "weights": expected an array of arrays'),
    (["nodes", 2, "of"], [], r'nodes\[2\] \(project\): key "of": needs at least one'),
    (
        ["nodes", 3, "table"],
        "x",
        r'nodes\[3\] \(lookup\): key "table": expected an array of numbers, found a string',
    ),
    (
        ["nodes", 3, "missing"],
        "x",
        r'nodes\[3\] \(lookup\): key "missing": expected a number, found a string',
    ),
    (["nodes", 4, "low"], 2, r'nodes\[4\] \(clip\): key "low": is above "high"'),
    (["nodes", 5, "part"], "second", r'nodes\[5\] \(date\): key "part": unknown part "second"; known: year'),
    (
        ["nodes", 6, "value"],
        True,
        r'nodes\[6\] \(fill\): key "value": expected a number, found true or false',
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "message"), REFUSALS, ids=lambda v: v if isinstance(v, str) else None
)
def test_a_malformed_graph_is_refused_by_node_and_key(path: list[Any], value: Any, message: str) -> None:
    graph = json.loads(json.dumps(GOOD))
    assert Pipeline(encode(graph), forest_text(7)).features == 7
    at = graph
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        Pipeline(encode(graph), forest_text(7))


@pytest.mark.parametrize("key", ["op", "of", "keys", "values", "missing", "unseen"])
def test_a_key_left_out_is_named(key: str) -> None:
    graph = json.loads(json.dumps(GOOD))
    del graph["nodes"][1][key]
    with pytest.raises(ValueError, match=rf'nodes\[1\].*key "{key}" is missing'):
        Pipeline(encode(graph), forest_text(7))


def test_forest_and_graph_must_fit() -> None:
    with pytest.raises(ValueError, match=r"the forest expects 3 features, features\.json gives 7"):
        Pipeline(encode(GOOD), forest_text(3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text ends too early"),
        ("{", "expected a key"),
        ('{"format":1,}', "expected a key"),
        ('{"format":1} x', "text after the end"),
        ('{"format":1,"format":1}', 'key "format" stands twice'),
        ('{"format":01}', "must not begin with 0"),
        ('{"format":1.}', "expected a digit after the decimal point"),
        ('{"format":+1}', "expected a value"),
        ('{"format":1e}', "expected a digit in the exponent"),
        ('{"format":1e999}', "out of the range of a double"),
        ('{"format":NaN}', "expected a value"),
        ('{"format":Infinity}', "expected a value"),
        ('{"format":1,\n "nodes": [1 2]}', "line 2 column 14: expected ','"),
        ("{'format':1}", "expected a key in double quotes"),
        ('{"a\tb":1}', "control character"),
        ('{"a', "a string without an end"),
        ('{"\\x":1}', "unknown escape"),
        ('{"\\u12":1}', "four hexadecimal digits"),
        ('{"\\ud800":1}', "a high surrogate without its low one"),
        ('{"\\udc00":1}', "a low surrogate without its high one"),
        ("[" * 100000, "nested deeper than 16"),
        ('{"a":' * 100000, "nested deeper than 16"),
        ("[1]", "expected an object, found an array of numbers"),
        ("[[]" + ",[]" * 1_000_000 + "]", "more than 1000000 values"),
        ("\0", "expected a value"),
        ('{"format":1, // no comments\n}', "expected a key"),
    ],
    ids=range(26),
)
def test_malformed_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pipeline(text.encode(), forest_text(1))


def test_names_keep_every_character() -> None:
    graph = document(1, [], [0])
    names = 'a"b\\c/\b\f\n\r\t\x01é€😀'
    graph["inputs"], graph["names"] = [names], [names]
    for text in (json.dumps(graph), json.dumps(graph, ensure_ascii=False), json.dumps(graph, indent=2)):
        engine = Pipeline(text.encode(), forest_text(1))
        assert engine.feature_names == [names]
        assert engine.input_names == [names]


def test_numbers_are_read_to_the_last_bit() -> None:
    rng = np.random.default_rng(7)
    table = [
        *np.frombuffer(rng.bytes(8 * 3000)).tolist(),
        5e-324,
        2.2250738585072011e-308,
        1.7976931348623157e308,
        -0.0,
        0.1,
    ]
    table = [value for value in table if np.isfinite(value)]
    nodes = [{"op": "lookup", "of": [0], "table": table, "missing": 0, "unseen": 0}]
    engine = Pipeline(encode(document(1, nodes, [1])), forest_text(1))
    found = engine.transform(np.arange(len(table), dtype="float64")[:, None])[:, 0]
    assert found.tobytes() == np.array(table).tobytes()
