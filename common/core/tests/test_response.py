"""Responses: layout, texts of numbers, escaping."""

import json
import math
import re
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scoring import Field, Schema
from scoring.request import Request, RequestParser
from scoring.response import ResponseWriter, fresh_ids

SCHEMA = Schema((Field("a"), Field("flag", "Bool"), Field("s", "Str", categories=("x",))))
PARSER = RequestParser(SCHEMA)
WRITER = ResponseWriter("model-1", ["y.no", "y.yes"], ["a", "flag", "s"], ["f 1", "f\n2"])
CLASSES = ResponseWriter("model-1", ["y.1", "y.10", "y.a.b"], ["a"], ["g"], ["1", "10", "a.b"])


def request(fields: list[str], rows: list[list[Any]], **members: Any) -> Request:
    return PARSER.score(json.dumps({"fields": fields, "rows": rows, **members}).encode())


def plain(count: int, **members: Any) -> Request:
    return request(["a", "flag", "s"], [["1", "true", "x"]] * count, **members)


def test_one_row_and_many_rows_are_laid_out_alike() -> None:
    single = WRITER.score(plain(1), (0.25, 0.75))
    assert single == b'{"id":"model-1","fields":["y.no","y.yes"],"score":[["0.25","0.75"]]}'
    assert WRITER.score(plain(1), np.array([[0.25, 0.75]])) == single
    many = WRITER.score(plain(2), np.array([[0.25, 0.75], [1e-05, 1e22]]))
    assert many.endswith(b'"score":[["0.25","0.75"],["1e-05","1e+22"]]}')


def test_typed_output_has_numbers() -> None:
    assert WRITER.score(plain(1, typedOutput=True), (0.25, 1e-05)).endswith(b'"score":[[0.25,1e-05]]}')
    many = WRITER.score(plain(2, typedOutput=True), np.array([[0.25, 1.0], [-0.0, 5e-324]]))
    assert many.endswith(b'"score":[[0.25,1.0],[-0.0,5e-324]]}')


@pytest.mark.parametrize("typed", [False, True])
def test_what_is_not_finite_is_null_or_a_string(typed: bool) -> None:
    one = WRITER.score(plain(1, typedOutput=typed), (math.nan, math.inf))
    assert one.endswith(b'"score":[[null,"Infinity"]]}')
    number = b"0.5" if typed else b'"0.5"'
    many = WRITER.score(plain(2, typedOutput=typed), np.array([[-math.inf, 0.5], [math.nan, 0.5]]))
    assert many.endswith(b'"score":[["-Infinity",' + number + b"],[null," + number + b"]]}")
    assert json.loads(WRITER.score(plain(1, typedOutput=typed), (1e308, 1e308)))["score"]


def test_no_field_names() -> None:
    found = json.loads(WRITER.score(plain(1, noFieldNamesInOutput=True), (0.5, 0.5)))
    assert list(found) == ["id", "score"]


def test_repeated_fields_come_first_in_the_order_of_the_request_then_the_id_then_the_outputs() -> None:
    fields = ["note", "s", "flag", "a"]
    wanted = request(
        fields, [["n", "x", "yes", "1"]], includeFieldsInOutput=["a", "uid", "note"], idField="uid"
    )
    found = json.loads(WRITER.score(wanted, (0.5, 0.5)))
    assert found["fields"] == ["note", "a", "uid", "y.no", "y.yes"]
    note, a, uid, *scores = found["score"][0]
    assert (note, a, scores) == ("n", "1", ["0.5", "0.5"])
    assert UUID(uid).version == 4


def test_repeated_cells_are_strings_with_truth_values_of_numeric_fields_as_1_and_0() -> None:
    cells = ["true", " FALSE ", True, 5, 5.0, 0.1, None, math.nan, math.inf, "NA", "1.50"]
    rows = [[cell, "true", "x", cell] for cell in cells]
    wanted = request(["a", "flag", "s", "extra"], rows, includeFieldsInOutput=["a", "flag", "extra"])
    found = json.loads(WRITER.score(wanted, np.full((len(rows), 2), 0.5)))
    a, flag, extra = ([row[i] for row in found["score"]] for i in range(3))
    assert a == ["1", "0", "1", "5", "5.0", "0.1", None, None, "Infinity", "NA", "1.50"]
    assert flag == ["true"] * len(rows)
    assert extra == ["true", " FALSE ", "true", "5", "5.0", "0.1", None, None, "Infinity", "NA", "1.50"]


def test_repeated_cells_stay_as_they_came_in_typed_output() -> None:
    cells = ["true", True, 5, 0.1, None, math.nan, -math.inf]
    rows = [[cell, "true", "x"] for cell in cells]
    wanted = request(["a", "flag", "s"], rows, includeFieldsInOutput=["a"], typedOutput=True)
    found = json.loads(WRITER.score(wanted, np.full((len(rows), 2), 0.5)))
    assert [row[0] for row in found["score"]] == ["true", True, 5, 0.1, None, None, "-Infinity"]
    assert found["score"][0][1:] == [0.5, 0.5]


def test_text_is_escaped_and_utf_8() -> None:
    nasty = 'a"b\\c\nd\u2028é😀\x00\ud800'
    writer = ResponseWriter(nasty, [nasty], [nasty], [nasty], [nasty])
    schema = Schema((Field("n", "Str", categories=()),))
    raw = json.dumps(
        {"fields": ["n", nasty], "rows": [["", nasty]], "includeFieldsInOutput": [nasty]}
    ).encode()
    answer = writer.score(RequestParser(schema).score(raw), (0.5,))
    assert "é😀".encode() in answer
    assert json.loads(answer) == {"id": nasty, "fields": [nasty, nasty], "score": [[nasty, "0.5"]]}


def test_contributions_of_one_group_have_no_output_group() -> None:
    wanted = plain(2, requestShapleyValueType="ORIGINAL")
    parts = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, math.inf]])
    assert json.loads(WRITER.contribution(wanted, parts)) == {
        "features": ["contrib_a", "contrib_flag", "contrib_s", "contrib_bias"],
        "contributionGroups": [
            {"contributions": [["0.1", "0.2", "0.3", "0.4"], ["1.0", "2.0", "3.0", "Infinity"]]}
        ],
    }
    found = json.loads(WRITER.score(wanted, np.full((2, 2), 0.5), parts))
    assert list(found) == ["id", "fields", "score", "featureShapleyContributions"]
    assert found["featureShapleyContributions"] == json.loads(WRITER.contribution(wanted, parts))


def test_transformed_contributions_have_the_names_of_the_features() -> None:
    wanted = plain(1, requestShapleyValueType="TRANSFORMED", typedOutput=True)
    found = json.loads(WRITER.contribution(wanted, np.array([[0.5, 0.25, 0.125]])))
    assert found["features"] == ["contrib_f 1", "contrib_f\n2", "contrib_bias"]
    assert found["contributionGroups"] == [{"contributions": [[0.5, 0.25, 0.125]]}]


def test_each_class_has_its_group() -> None:
    wanted = plain(1, requestShapleyValueType="ORIGINAL")
    found = json.loads(CLASSES.contribution(wanted, np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])))
    assert found["features"] == ["contrib_a", "contrib_bias"]
    assert found["contributionGroups"] == [
        {"outputGroup": "1", "contributions": [["1.0", "2.0"]]},
        {"outputGroup": "10", "contributions": [["3.0", "4.0"]]},
        {"outputGroup": "a.b", "contributions": [["5.0", "6.0"]]},
    ]


def test_fresh_ids_are_version_4_and_differ() -> None:
    found = fresh_ids(500)
    assert len(set(found)) == 500
    pattern = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(pattern.fullmatch(identifier) for identifier in found)
    assert fresh_ids(0) == []


def doubles(width: int) -> st.SearchStrategy[NDArray[np.float64]]:
    row = st.lists(st.floats(width=64), min_size=width, max_size=width)
    return st.lists(row, min_size=1, max_size=5).map(lambda rows: np.array(rows, np.float64))


@settings(deadline=None, max_examples=200, derandomize=True)
@given(doubles(2), st.booleans(), st.booleans())
def test_every_double_can_be_read_back(scores: NDArray[np.float64], typed: bool, echo: bool) -> None:
    include = ["s"] if echo else []
    wanted = plain(len(scores), typedOutput=typed, includeFieldsInOutput=include)
    found = json.loads(WRITER.score(wanted, scores))["score"]
    cells = [row[len(include) :] for row in found]
    assert all(
        cell is None or isinstance(cell, float if typed else str) or cell.endswith("Infinity")
        for row in cells
        for cell in row
    )
    read = np.array([[math.nan if cell is None else float(cell) for cell in row] for row in cells])
    expected = np.where(np.isnan(scores), math.nan, scores)  # NaN has no sign on the wire
    assert read.tobytes() == expected.tobytes() or np.array_equal(read, expected, equal_nan=True)
    assert np.array_equal(np.signbit(read[~np.isnan(read)]), np.signbit(expected[~np.isnan(expected)]))
