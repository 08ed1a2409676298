"""Requests: what is accepted, and every fault with its code, field, row and hint."""

import json
import math
from typing import Any

import numpy as np
import pytest
from scoring import Field, Problem, Schema
from scoring.fault import FAULTS, PROBLEMS
from scoring.request import Request, RequestParser
from scoring.settings import Limits, Settings

SCHEMA = Schema(
    (
        Field("sepal length"),
        Field("sepal_width", "Float32"),
        Field("species", "Str", categories=("setosa", "virginica")),
        Field("seen", "Time64"),
    )
)
FIELDS = ["sepal length", "sepal_width", "species", "seen"]
ROW: list[Any] = ["5.1", "3.5", "setosa", "2020-01-01"]
PARSER = RequestParser(SCHEMA)
DOUBLES = [5.1, 3.5, 0.0, 1577836800.0]


def body(fields: Any = FIELDS, rows: Any = None, **members: Any) -> bytes:
    document = {"fields": fields, "rows": [ROW] if rows is None else rows, **members}
    return json.dumps({key: value for key, value in document.items() if value != "absent"}).encode()


def refused(raw: bytes, parser: RequestParser = PARSER, contribution: bool = False) -> Problem:
    with pytest.raises(Problem) as caught:
        (parser.contribution if contribution else parser.score)(raw)
    problem = caught.value
    assert PROBLEMS[problem.code][0] == problem.status
    assert all(error["code"] in FAULTS for error in problem.errors)
    return problem


def faults(raw: bytes, parser: RequestParser = PARSER, contribution: bool = False) -> list[tuple[Any, ...]]:
    problem = refused(raw, parser, contribution)
    return [(error["code"], error.get("field"), error.get("row")) for error in problem.errors]


def doubles(request: Request) -> list[list[float]]:
    return request.matrix().tolist()  # type: ignore[no-any-return]


def test_a_request_is_read_in_schema_order_whatever_the_order_of_its_fields() -> None:
    shuffled = [3, 0, 2, 1]
    request = PARSER.score(body([FIELDS[i] for i in shuffled], [[ROW[i] for i in shuffled]]))
    assert request.row == DOUBLES
    assert request.values is None
    assert (request.echoed, request.new_id, request.named, request.typed, request.shapley) == (
        (),
        None,
        True,
        False,
        None,
    )


@pytest.mark.parametrize("count", [1, 2, 8, 9, 50])
def test_few_and_many_rows_read_alike(count: int) -> None:
    assert doubles(PARSER.score(body(rows=[ROW] * count))) == [DOUBLES] * count


def test_extra_fields_are_allowed_and_not_read() -> None:
    request = PARSER.score(body([*FIELDS, "note"], [[*ROW, ["anything"]]]))
    assert request.row == DOUBLES


def test_numbers_booleans_and_null_are_cells_and_bare_nan_and_infinity_are_json() -> None:
    raw = body(rows=[[5, True, None, None], [math.nan, math.inf, "virginica", "NA"]])
    assert b"NaN" in raw
    assert b"Infinity" in raw
    np.testing.assert_array_equal(
        PARSER.score(raw).matrix(), [[5, 1, math.nan, math.nan], [math.nan, math.inf, 1, math.nan]]
    )


def test_unseen_categories_are_counted_and_are_no_fault() -> None:
    request = PARSER.score(body(rows=[ROW, ["1", "2", "tulip", None], ["1", "2", "rose", None]]))
    assert request.unseen() == {"species": 2}
    assert PARSER.score(body()).unseen() == {}


def test_a_byte_order_mark_and_members_that_are_null_do_not_matter() -> None:
    raw = b"\xef\xbb\xbf" + body(idField=None, includeFieldsInOutput=None, requestShapleyValueType=None)
    assert PARSER.score(raw).row == DOUBLES


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"fields": [,]}', "line 1, column 13"),
        (b"\xff{}", "UTF-8"),
        (b'{"fields":["\xe4"]}', "byte 12"),
        (b"[" * 100_000, "nested"),
        (b'{"rows":[[' + b"1" * 5000 + b"]]}", "digits"),
        (b'{"a":1} x', "line 1, column 9"),
    ],
)
def test_a_body_that_is_not_json_is_400(raw: bytes, words: str) -> None:
    problem = refused(raw)
    assert (problem.code, problem.status) == ("malformed_json", 400)
    assert words in problem.detail
    assert problem.hint


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null", b"NaN", b"true"])
def test_a_body_that_is_no_object_is_422(raw: bytes) -> None:
    assert faults(raw) == [("wrong_type", None, None)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{}", [("missing_key", "fields", None), ("missing_key", "rows", None)]),
        (body(fields="absent"), [("missing_key", "fields", None)]),
        (body(rows="absent"), [("missing_key", "rows", None)]),
        (body(fields=[], rows=[]), [("empty", "fields", None), ("empty", "rows", None)]),
        (body(fields="x", rows={}), [("wrong_type", "fields", None), ("wrong_type", "rows", None)]),
        (body(fields=[*FIELDS, 1], rows=[[*ROW, 1]]), [("wrong_type", "fields", None)]),
        (body(fields=[*FIELDS, ["x"]], rows=[[*ROW, 1]]), [("wrong_type", "fields", None)]),
        (
            body(fields=[*FIELDS, "seen", "seen"], rows=[[*ROW, None, None]]),
            [("duplicate_field", "seen", None)],
        ),
        (body(fields=[*FIELDS, "z", "z"], rows=[[*ROW, 1, 1]]), [("duplicate_field", "z", None)]),
        (body(fields=FIELDS[1:], rows=[ROW[1:]]), [("missing_field", "sepal length", None)]),
        (body(rows=[ROW[:3]]), [("row_length", None, 0)]),
        (body(rows=[ROW, [*ROW, 1], []]), [("row_length", None, 1), ("row_length", None, 2)]),
        (body(rows=[ROW, "x", None, {}]), [("wrong_type", None, row) for row in (1, 2, 3)]),
        (body(rows=[["x", "1", "y", "z"]]), [("not_a_number", FIELDS[0], 0), ("not_a_time", "seen", 0)]),
        (body(rows=[["1", [], "y", None]]), [("not_a_cell", "sepal_width", 0)]),
        (
            body(rows=[[10**400, "1e999", "y", None]]),
            [("number_out_of_range", name, 0) for name in FIELDS[:2]],
        ),
        (body(includeFieldInOutput=["seen"]), [("unknown_key", "includeFieldInOutput", None)]),
        (body(includeFieldsInOutput=["Seen"]), [("unknown_output_field", "Seen", None)]),
        (body(includeFieldsInOutput=["id"]), [("unknown_output_field", "id", None)]),
        (body(includeFieldsInOutput=[1]), [("wrong_type", "includeFieldsInOutput", None)]),
        (body(includeFieldsInOutput="seen"), [("wrong_type", "includeFieldsInOutput", None)]),
        (body(idField=1), [("wrong_type", "idField", None)]),
        (body(noFieldNamesInOutput="true"), [("wrong_type", "noFieldNamesInOutput", None)]),
        (body(typedOutput=1), [("wrong_type", "typedOutput", None)]),
        (body(requestShapleyValueType="original"), [("unknown_value", "requestShapleyValueType", None)]),
        (body(requestShapleyValueType=["ORIGINAL"]), [("wrong_type", "requestShapleyValueType", None)]),
        (
            b'{"fields":["a"],"rows":[],"rows":[["1"]]}',
            [("duplicate_key", "rows", None), *(("missing_field", name, None) for name in FIELDS)],
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_each_fault_is_named(raw: bytes, expected: list[tuple[Any, ...]]) -> None:
    problem = refused(raw)
    assert (problem.code, problem.status) == ("invalid_request", 422)
    assert faults(raw) == expected


def test_all_faults_come_at_once_the_whole_request_first_then_row_by_row() -> None:
    raw = body(
        [*FIELDS[:3], "Seen", "Seen"],
        [["a", "b", 1, 2], [*ROW, 1], ["1", "a", "", "", ""], 5, ["a", "b", [], "", ""]],
        include=[],
        idField=7,
    )
    assert faults(raw) == [
        ("unknown_key", "include", None),
        ("duplicate_field", "Seen", None),
        ("missing_field", "seen", None),
        ("wrong_type", "idField", None),
        ("row_length", None, 0),
        ("not_a_number", "sepal_width", 2),
        ("wrong_type", None, 3),
        ("not_a_number", "sepal length", 4),
        ("not_a_number", "sepal_width", 4),
        ("not_a_cell", "species", 4),
    ]


def test_hints_have_the_nearest_name() -> None:
    problem = refused(
        body(["Sepal-Length", "sepal_widht", "species", "seen"], includeFieldsInOutput=["specis"])
    )
    hints = [error["hint"] for error in problem.errors]
    assert hints == [
        'Rename the field "Sepal-Length" to "sepal length".',
        'Rename the field "sepal_widht" to "sepal_width".',
        'Did you mean "species"?',
    ]
    assert refused(body(includeFieldInOutput=[])).hint == "Did you mean includeFieldsInOutput?"


def test_a_fault_says_what_is_wanted_and_never_the_value() -> None:
    problem = refused(body(rows=[["hunter2", "3.5", None, "hunter2"]]))
    assert problem.errors[0] == {
        "code": "not_a_number",
        "field": "sepal length",
        "row": 0,
        "detail": 'Row 0, field "sepal length": a number is wanted, but text was sent.',
        "hint": 'Send a decimal number such as "5.1", true or false, or null for a missing value.',
    }
    assert "hunter2" not in json.dumps(problem.to_dict())
    assert "hunter2" not in str(problem)


def test_a_list_of_faults_is_capped_and_the_rest_is_counted() -> None:
    problem = refused(body(rows=[["x", "1", "y", None]] * 500))
    assert len(problem.errors) == 20
    assert [error["row"] for error in problem.errors] == list(range(20))
    assert problem.detail.startswith("The request has 500 faults (20 are listed); the first: ")
    problem = refused(body(rows=[["x", "1", "y", None]] * 5000))
    assert problem.detail.startswith("The request has more than 999 faults (20 are listed); the first: ")
    problem = refused(body(rows=[[]] * 500), RequestParser(SCHEMA, Settings(limits=Limits(errors=3))))
    assert len(problem.errors) == 3
    assert "500 faults (3 are listed)" in problem.detail
    problem = refused(body(**{f"key{i}": 1 for i in range(100)}))
    assert len(problem.errors) == 20
    assert "100 faults" in problem.detail


def test_a_request_of_nothing_but_faults_is_not_searched_to_the_end() -> None:
    names = [f"f{i}" for i in range(300)]
    parser = RequestParser(Schema(tuple(Field(name) for name in names)))
    problem = refused(body(names, [["x"] * 300] * 100), parser)
    assert [(error["row"], error["field"]) for error in problem.errors] == [(0, name) for name in names[:20]]
    count = int(problem.detail.split("more than ")[1].split()[0])
    assert 1000 <= count < 300 * 20 + 1000


def test_a_problem_carries_the_example() -> None:
    parser = RequestParser(SCHEMA, example=lambda contributions: {"contributions": contributions})
    assert refused(b"{}", parser).example == {"contributions": False}
    assert refused(b"{}", parser, contribution=True).example == {"contributions": True}


def test_lenient_takes_missing_fields_as_missing_values_and_ignores_what_nobody_knows() -> None:
    parser = RequestParser(SCHEMA, Settings(lenient=True))
    raw = body(["species", "x"], [["virginica", 1]], what=1, includeFieldsInOutput=["species", "nothing"])
    request = parser.score(raw)
    np.testing.assert_array_equal(request.matrix(), [[math.nan, math.nan, 1.0, math.nan]])
    assert request.echoed == (0,)
    many = parser.score(body(["species", "x"], [["virginica", 1]] * 20))
    np.testing.assert_array_equal(many.matrix(), [[math.nan, math.nan, 1.0, math.nan]] * 20)
    assert faults(body(["species", "species"], [["a", "b"]]), parser) == [
        ("duplicate_field", "species", None)
    ]
    assert faults(body(["species"], [["a", "b"]]), parser) == [("row_length", None, 0)]


def test_output_members() -> None:
    raw = body(
        [*FIELDS, "row_id"],
        [[*ROW, "r1"]],
        includeFieldsInOutput=["row_id", "species", "row_id"],
        idField="row_id",
    )
    request = PARSER.score(raw)
    assert request.echoed == (2, 4)
    assert request.new_id is None
    request = PARSER.score(
        body(includeFieldsInOutput=["uid", "seen"], idField="uid", noFieldNamesInOutput=True)
    )
    assert (request.echoed, request.new_id, request.named) == ((3,), "uid", False)
    assert PARSER.score(body(idField="uid")).new_id is None
    assert PARSER.score(body(typedOutput=True)).typed


def test_an_extra_cell_that_is_no_cell_is_a_fault_only_where_it_would_be_repeated() -> None:
    rows = [[*ROW, [1]]] * 3
    assert doubles(PARSER.score(body([*FIELDS, "x"], rows))) == [DOUBLES] * 3
    raw = body([*FIELDS, "x"], rows, includeFieldsInOutput=["x"])
    assert faults(raw) == [("not_a_cell", "x", row) for row in range(3)]


def test_contribution_requests() -> None:
    request = PARSER.contribution(body(requestShapleyValueType="TRANSFORMED", typedOutput=True))
    assert (request.shapley, request.typed, request.row) == ("TRANSFORMED", True, DOUBLES)
    assert PARSER.score(body(requestShapleyValueType="ORIGINAL")).shapley == "ORIGINAL"
    assert PARSER.score(body(requestShapleyValueType="NONE")).shapley is None
    shapley = "requestShapleyValueType"
    assert faults(body(), contribution=True) == [("missing_key", shapley, None)]
    assert faults(body(requestShapleyValueType="NONE"), contribution=True) == [
        ("unknown_value", shapley, None)
    ]
    assert faults(body(requestShapleyValueType=1), contribution=True) == [("wrong_type", shapley, None)]
    raw = body(requestShapleyValueType="ORIGINAL", idField="x")
    assert faults(raw, contribution=True) == [("unknown_key", "idField", None)]


def test_what_is_not_supported_is_501_unless_something_else_is_wrong_too() -> None:
    parser = RequestParser(SCHEMA, kinds=("TRANSFORMED",))
    problem = refused(
        body(requestPredictionIntervals=True, mediaFields=["x"], requestShapleyValueType="ORIGINAL"), parser
    )
    assert (problem.code, problem.status) == ("unsupported", 501)
    assert [error["code"] for error in problem.errors] == [
        "unsupported_contributions",
        "unsupported_prediction_intervals",
        "unsupported_media",
    ]
    assert refused(body(rows=[[]], requestPredictionIntervals=True)).status == 422
    assert PARSER.score(body(requestPredictionIntervals=False, mediaFields=[])).row == DOUBLES


def test_limits_are_413() -> None:
    limits = Limits(body_bytes=2000, rows=20, contribution_rows=3, fields=10)
    parser = RequestParser(SCHEMA, Settings(limits=limits))
    assert parser.score(body(rows=[ROW] * 20)).matrix().shape == (20, 4)
    for raw, code in [
        (body(rows=[ROW] * 21), "too_many_rows"),
        (body(rows=[ROW] * 4, requestShapleyValueType="ORIGINAL"), "too_many_rows"),
        (body(fields=[f"f{i}" for i in range(11)]), "too_many_fields"),
        (body(rows=[ROW] * 100), "body_too_large"),
    ]:
        problem = refused(raw, parser)
        assert (problem.code, problem.status) == (code, 413)
        assert problem.detail
    assert refused(body(rows=[ROW] * 4, requestShapleyValueType="ORIGINAL"), parser, True).status == 413


def test_remembered_plans_are_bounded() -> None:
    parser = RequestParser(SCHEMA)
    for i in range(200):
        assert parser.score(body([*FIELDS, f"x{i}"], [[*ROW, i]])).row == DOUBLES
    assert len(parser._plans) <= 64


def test_hostile_names_cost_little_and_are_cut_in_messages() -> None:
    long = "x" * 100_000
    problem = refused(body([long, *(f"{long}{i}" for i in range(50))], includeFieldsInOutput=[long + "y"]))
    assert len(json.dumps(problem.to_dict())) < 20_000
