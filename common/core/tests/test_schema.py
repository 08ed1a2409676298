"""The schema: names, types, categories, missing tokens."""

import pytest
from scoring import Field, Problem, Schema
from scoring.schema import MISSING_TOKENS, TYPES, UNSEEN, did_you_mean, listed, number


def test_a_field_survives_its_written_form() -> None:
    field = Field("city", "Str", ("", "?"), ("Oslo", "Rome"), "Rome", None, None)

    assert Field.from_dict(field.to_dict()) == field
    assert (
        Field.from_dict(Field("age", "Int32", minimum=1.0, maximum=99.0, example="7").to_dict()).maximum
        == 99.0
    )


def test_missing_tokens_have_a_default() -> None:
    assert Field.from_dict({"name": "a", "type": "Float64"}).missing == MISSING_TOKENS
    assert Field.from_dict({"name": "a", "type": "Float64", "missing": []}).missing == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("age", "field is not an object"),
        ({"type": "Float64"}, "field.name is missing"),
        ({"name": "", "type": "Float64"}, "named ''"),
        ({"name": "a\nb", "type": "Float64"}, "named"),
        ({"name": "a"}, "field.type is missing"),
        ({"name": "a", "type": "Float"}, "'Float', which does not exist"),
        ({"name": "a", "type": "Str"}, "Str without categories"),
        ({"name": "a", "type": "Str", "categories": ["x", "x"]}, "twice"),
        ({"name": "a", "type": "Str", "categories": ["x", 1]}, r"categories\[1\] is not a string"),
        ({"name": "a", "type": "Time64", "categories": ["x"]}, "Time64 with categories"),
        ({"name": "a", "type": "Int64", "categories": ["x"]}, "no number"),
        ({"name": "a", "type": "Int64", "categories": ["1", "1.0"]}, "same number"),
        ({"name": "a", "type": "Float64", "missing": "NA"}, "missing is not a list"),
        ({"name": "a", "type": "Float64", "min": "0"}, "min is not a number"),
        ({"name": "a", "type": "Float64", "max": True}, "max is not a number"),
        ({"name": "a", "type": "Float64", "catgories": []}, "catgories is not a key"),
    ],
)
def test_a_field_of_the_wrong_shape_is_refused_by_key(body: object, message: str) -> None:
    with pytest.raises(Problem, match=message) as caught:
        Field.from_dict(body)

    assert caught.value.code == "schema_invalid"


def test_a_misspelt_key_and_type_get_a_hint() -> None:
    with pytest.raises(Problem, match="Did you mean 'categories'"):
        Field.from_dict({"name": "a", "type": "Str", "catgories": ["x"]})
    with pytest.raises(Problem, match="Did you mean 'Float64'"):
        Field("a", "float64")


def test_text_categories_are_compared_exactly() -> None:
    field = Field("city", "Str", categories=("Oslo", "Umeå", "1"))

    assert [field.code(text) for text in ("Oslo", "Umeå", "oslo", "1", "1.0")] == [
        0.0,
        1.0,
        UNSEEN,
        2.0,
        UNSEEN,
    ]


def test_number_categories_are_compared_as_numbers() -> None:
    grade = Field("grade", "Int64", categories=("1", "2", "5"))
    flag = Field("flag", "Bool", categories=("false", "true"))

    assert [grade.code(text) for text in ("1", "1.0", "5e0", "3", "x")] == [0.0, 0.0, 2.0, UNSEEN, UNSEEN]
    assert [flag.code(text) for text in ("true", "TRUE", "1", "0", "no")] == [1.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e3", 1000.0), ("1_000", None), ("true", 1.0), ("No", 0.0), ("x", None), (" 2 ", 2.0)],
)
def test_numbers_in_words(text: str, value: float | None) -> None:
    assert number(text) == value


def test_names_are_unique_and_found() -> None:
    schema = Schema((Field("a"), Field("Petal length")), (Field("y"),))

    assert schema.names == ("a", "Petal length")
    assert schema["a"] is schema.inputs[0]
    assert len(schema) == len(list(schema)) == 2
    with pytest.raises(Problem, match="Did you mean 'Petal length'"):
        schema["petal_length"]
    with pytest.raises(Problem, match="The inputs are 'a', 'Petal length'"):
        schema["zzz"]
    with pytest.raises(Problem, match="two input fields named 'a'"):
        Schema((Field("a"), Field("a")))


def test_a_schema_survives_its_written_form() -> None:
    schema = Schema((Field("a"), Field("c", "Str", categories=("x",))), (Field("y"),))

    again = Schema.from_dict(schema.to_dict())

    assert again.inputs == schema.inputs
    assert [field.name for field in again.outputs] == ["y"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "schema is not an object"),
        ({}, "schema.inputs is missing"),
        ({"inputs": {}}, "schema.inputs is not a list"),
        ({"inputs": [{"name": "a", "type": "Float64"}, 3]}, r"schema.inputs\[1\] is not an object"),
        ({"inputs": [], "outputs": 3}, "schema.outputs is not a list"),
    ],
)
def test_a_schema_of_the_wrong_shape_is_refused_by_key(body: object, message: str) -> None:
    with pytest.raises(Problem, match=message):
        Schema.from_dict(body)


def test_the_nearest_name() -> None:
    assert did_you_mean("sepal_lenght", ["petal_width", "sepal_length"]) == "Did you mean 'sepal_length'?"
    assert did_you_mean("AGE ", ["age", "wage"]) == "Did you mean 'age'?"
    assert did_you_mean("a", []) == ""
    assert did_you_mean("zzz", ["age"]) == ""


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed([str(i) for i in range(20)], 2) == "'0', '1' and 18 more"


def test_there_are_seven_types() -> None:
    assert len(set(TYPES)) == 7
