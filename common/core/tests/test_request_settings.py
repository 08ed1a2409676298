"""Around a request: the settings, the content type, and the catalogue of refusals."""

import pytest
from scoring import Problem
from scoring.body import require_json
from scoring.fault import PROBLEMS, Fault, Faults, refusal
from scoring.settings import Limits, Settings, from_environment


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="rows must be at least 1"):
        Limits(rows=0)
    with pytest.raises(ValueError, match="ORIGINAL and TRANSFORMED"):
        Settings(contributions=("original",))


def test_settings_come_from_the_environment() -> None:
    assert from_environment({}) == Settings()
    assert from_environment({"MODEL_ID": " ", "SCORER_MAX_ROWS": ""}) == Settings()
    variables = {"MODEL_ID": "m-1", "SHAPLEY_TYPES_ENABLED": "ORIGINAL", "SCORER_LENIENT": "true"}
    numbers = {"BODY_BYTES": "1", "ROWS": "2", "CONTRIBUTION_ROWS": "3", "FIELDS": "4", "ERRORS": "5"}
    variables |= {f"SCORER_MAX_{name}": value for name, value in numbers.items()}
    assert from_environment({**variables, "SCORER_THREADS": "0"}) == Settings(
        Limits(1, 2, 3, 4, 5), True, "m-1", ("ORIGINAL",), 0
    )
    assert from_environment({"SHAPLEY_TYPES_ENABLED": "NONE"}).contributions == ()
    for name, value in (
        ("SHAPLEY_TYPES_ENABLED", "original"),
        ("SCORER_LENIENT", "yes"),
        ("SCORER_MAX_ROWS", "0"),
        ("SCORER_MAX_ROWS", "1e3"),
        ("SCORER_THREADS", "-1"),
        ("SCORER_THREADS", "9" * 30),
    ):
        with pytest.raises(ValueError, match=name):
            from_environment({name: value})


@pytest.mark.parametrize(
    "value", [None, "", "application/json", "Application/JSON; charset=utf-8", "application/x+json"]
)
def test_a_content_type_of_json_is_accepted(value: str | None) -> None:
    require_json(value)


@pytest.mark.parametrize(
    "value", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"]
)
def test_other_content_types_are_415(value: str) -> None:
    with pytest.raises(Problem) as caught:
        require_json(value)
    assert (caught.value.code, caught.value.status) == ("unsupported_media_type", 415)


def test_a_refusal_takes_status_and_words_from_the_catalogue() -> None:
    problem = refusal("not_ready")
    assert (problem.status, problem.detail) == (503, PROBLEMS["not_ready"][1])
    with pytest.raises(KeyError):
        refusal("no_such_code")
    assert Fault("empty", "Nothing.").to_dict() == {"code": "empty", "detail": "Nothing."}
    assert not Faults()
