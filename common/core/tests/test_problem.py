"""The problem: one error type that is data."""

import copy
import pickle
import subprocess
import sys

import pytest
import scoring
from scoring import Problem


def test_a_problem_reads_as_detail_and_hint() -> None:
    assert str(Problem("broken", 400, "It is broken.", "Mend it.")) == "It is broken. Mend it."
    assert str(Problem("broken", 400, "It is broken.")) == "It is broken."


def test_empty_members_are_left_out() -> None:
    problem = Problem("broken", 400, "It is broken.")

    assert problem.to_dict() == {"code": "broken", "detail": "It is broken."}


def test_all_members_are_told() -> None:
    error = {"code": "not_a_number", "field": "age", "row": 0, "detail": "No number.", "hint": ""}

    body = Problem("invalid_request", 422, "One fault.", "Mend it.", [error], {"rows": []}).to_dict()

    assert body == {
        "code": "invalid_request",
        "detail": "One fault.",
        "hint": "Mend it.",
        "errors": [{"code": "not_a_number", "field": "age", "row": 0, "detail": "No number."}],
        "example": {"rows": []},
    }


def test_problems_do_not_share_their_errors() -> None:
    error = {"code": "x"}
    first, second = Problem("a", 400, "A.", errors=[error]), Problem("b", 400, "B.", errors=[error])

    first.errors[0]["code"] = "y"

    assert second.errors == [{"code": "x"}]
    assert Problem("c", 400, "C.").errors is not Problem("d", 400, "D.").errors


@pytest.mark.parametrize("again", [copy.copy, lambda problem: pickle.loads(pickle.dumps(problem))])
def test_a_problem_survives_copies_between_processes(again: object) -> None:
    problem = Problem("broken", 503, "It is broken.", "Mend it.", [{"code": "x"}], {"a": 1})

    twin = again(problem)

    assert (twin.status, twin.to_dict(), str(twin)) == (503, problem.to_dict(), str(problem))


def test_every_public_name_is_there_and_only_those() -> None:
    for name in scoring.__all__:
        assert getattr(scoring, name) is not None
    assert set(scoring.__all__) <= set(dir(scoring))
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        scoring.laod  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'json', 'scoring._engine', 'dataclasses'}"
    code = f"import sys, scoring; print(sorted({heavy} & set(sys.modules)))"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.strip() == "[]"


def test_loading_does_not_load_the_libraries_that_train() -> None:
    code = "import sys, scoring; scoring.load; scoring.pack; print([m for m in sys.modules if '.' not in m])"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"lightgbm", "sklearn", "pandas", "polars", "pyarrow", "scipy"} & set(eval(out))
