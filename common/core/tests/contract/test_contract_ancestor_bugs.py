"""Each bug of the ancestor's contract, B1 to B10, as a test that we do not have it."""

import json
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import scoring
from scoring import Problem, contract
from scoring.settings import DEFAULT, Limits, Settings


def body(trained: Any, rows: Any, fields: list[str] | None = None, **members: Any) -> bytes:
    return json.dumps({"fields": fields or trained.fields, "rows": rows, **members}).encode()


def refused(scorer: scoring.Scorer, raw: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        contract.answer(scorer, raw)
    return caught.value


def test_b1_null_in_any_column_is_a_missing_value(mixed: Any) -> None:
    """The ancestor answers 500 to a null in a column that it knows."""
    for position in range(4):
        row = list(mixed.cells[1])
        row[position] = None
        table = mixed.table.iloc[1:2].copy()
        table.iloc[0, position] = None if position == 2 else np.nan
        found = json.loads(contract.answer(mixed.scorer, body(mixed, [row])))
        assert float(found["score"][0][0]) == mixed.booster.predict(table)[0]
    raw = body(mixed, [[None] * 4], includeFieldsInOutput=mixed.fields)
    assert json.loads(contract.answer(mixed.scorer, raw))["score"][0][:4] == [None] * 4


def test_b2_the_id_is_always_there(binomial: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the ancestor the id vanishes from every answer unless MODEL_ID is set."""
    monkeypatch.delenv("MODEL_ID", raising=False)
    scorer, raw = binomial.scorer, body(binomial, binomial.cells[:1])
    assert scorer.id
    for settings in (DEFAULT, Settings(model_id=None), Settings(model_id="")):
        assert contract.identifier(scorer, settings) == scorer.id
        assert json.loads(contract.answer(scorer, raw, settings))["id"] == scorer.id
        assert json.loads(contract.schema(scorer, settings))["id"] == scorer.id


def test_b3_work_grows_with_the_rows_and_not_with_their_square(multinomial: Any) -> None:
    """The ancestor converts a whole column for each cell of the answer.

    Counted are calls of Python and C functions, not seconds: what 400 further rows cost does not depend on
    how many rows there are already.
    """

    def calls(count: int) -> int:
        rows = [[repr(0.5 + i), "1.5", "2", "x"[:0]] for i in range(count)]
        raw = body(multinomial, rows, includeFieldsInOutput=["x0"], idField="id")
        contract.answer(multinomial.scorer, raw)
        tally: Counter[str] = Counter()

        def count_call(_: FrameType, event: str, __: Any) -> None:
            tally[event] += 1

        sys.setprofile(count_call)
        try:
            contract.answer(multinomial.scorer, raw)
        finally:
            sys.setprofile(None)
        return tally["call"] + tally["c_call"]

    few, some, many = calls(400), calls(800), calls(1200)
    assert few > 100
    assert abs((many - some) - (some - few)) <= 50
    assert many < 3.2 * few


def test_b4_contributions_of_labels_that_resemble_each_other_are_kept_apart(multinomial: Any) -> None:
    """The ancestor finds a class's columns by an unescaped regular expression that is not anchored.

    So label 1 takes the columns of label 10 and of a feature with ".1" in its name, and dots are wild cards.
    """
    rows = multinomial.cells[:10]
    raw = body(multinomial, rows, requestShapleyValueType="ORIGINAL")
    found = json.loads(contract.contribution(multinomial.scorer, raw))
    assert found["features"] == [
        "contrib_x0",
        "contrib_x1",
        "contrib_ClusterDist10_a_b.1",
        "contrib_y.10",
        "contrib_bias",
    ]
    assert [group["outputGroup"] for group in found["contributionGroups"]] == ["1", "10", "a.b", "(x|y)*"]
    expected = multinomial.contributions()[:10]
    for index, group in enumerate(found["contributionGroups"]):
        parts = np.array(group["contributions"], np.float64)
        np.testing.assert_allclose(parts, expected[:, 5 * index : 5 * index + 5], rtol=1e-9, atol=1e-12)


def test_b5_the_task_is_what_was_trained_and_not_a_count_of_columns(binomial: Any, regression: Any) -> None:
    """The ancestor guesses: two columns are BINOMIAL, more are CLASSIFICATION."""
    kinds = [
        json.loads(contract.schema(t.scorer))["properties"]["scoringType"] for t in (binomial, regression)
    ]
    assert kinds == ["BINOMIAL", "REGRESSION"]
    assert len(binomial.scorer.output_names) == 2
    raw = body(binomial, binomial.cells[:1], requestShapleyValueType="ORIGINAL")
    assert len(json.loads(contract.contribution(binomial.scorer, raw))["contributionGroups"]) == 1


def test_b6_output_names_come_from_the_artifact(multinomial: Any) -> None:
    """The ancestor takes the longest common beginning of the output columns for the target's name."""
    answer = json.loads(contract.answer(multinomial.scorer, body(multinomial, multinomial.cells[:1])))
    assert answer["fields"] == ["species.1", "species.10", "species.a.b", "species.(x|y)*"]
    assert json.loads(contract.schema(multinomial.scorer))["properties"]["target"] == "species"


def test_b6_prediction_intervals_are_refused_and_not_half_given(regression: Any) -> None:
    """We have no prediction intervals; asking for them is a 501 that says so."""
    problem = refused(
        regression.scorer, body(regression, regression.cells[:1], requestPredictionIntervals=True)
    )
    assert (problem.status, problem.errors[0]["code"]) == (501, "unsupported_prediction_intervals")


@pytest.mark.parametrize(
    ("fields", "row", "code"),
    [
        (["x0", "x1", "X2", "x3"], ["1", "1", "1", "1"], "missing_field"),
        (["x0", "x1", "x2"], ["1", "1", "1"], "missing_field"),
        (None, ["1", "1", "1"], "row_length"),
        (None, ["1", "1", "1", "1", "1"], "row_length"),
        (["x0", "x1", "x2", "x3", "x3"], ["1", "1", "1", "1", "2"], "duplicate_field"),
        (None, ["1", "1", "1", "one"], "not_a_number"),
    ],
)
def test_b7_requests_are_validated(
    regression: Any, fields: list[str] | None, row: list[str], code: str
) -> None:
    """The ancestor takes missing columns and short rows as missing values, and fails on long rows."""
    problem = refused(regression.scorer, body(regression, [row], fields))
    assert (problem.status, problem.errors[0]["code"]) == (422, code)
    assert problem.errors[0]["detail"]
    assert problem.errors[0]["hint"]


def test_b7_a_misspelt_key_has_no_silent_effect(regression: Any) -> None:
    """The ancestor ignores keys that it does not know."""
    problem = refused(regression.scorer, body(regression, regression.cells[:1], includeFieldInOutput=["x0"]))
    assert problem.hint == "Did you mean includeFieldsInOutput?"


def test_b8_contributions_that_were_asked_for_are_there_or_the_request_fails(binomial: Any) -> None:
    """The ancestor logs a failed contribution and answers 200 without it."""
    raw = body(binomial, binomial.cells[:1], requestShapleyValueType="ORIGINAL")
    assert "featureShapleyContributions" in json.loads(contract.answer(binomial.scorer, raw))
    scorer = scoring.load(binomial.scorer.artifact.data)

    class Broken:
        """An engine whose contributions fail; everything else is the real one's."""

        def __getattr__(self, name: str) -> Any:
            if name in ("contributions", "parts"):
                raise RuntimeError("out of memory")
            return getattr(binomial.scorer.engine, name)

    scorer.engine = Broken()  # type: ignore[assignment]
    problem = refused(scorer, raw)
    assert (problem.code, problem.status) == ("internal_error", 500)
    assert "memory" not in json.dumps(problem.to_dict())


def test_b8_unavailable_contributions_are_refused_before_scoring(binomial: Any) -> None:
    """The ancestor scores first and then finds that the contributions are not enabled."""
    scorer = scoring.load(binomial.scorer.artifact.data)
    raw = body(binomial, binomial.cells[:1], requestShapleyValueType="ORIGINAL")
    with pytest.raises(Problem) as caught:
        contract.answer(scorer, raw, Settings(contributions=()))
    assert caught.value.status == 501


def test_b9_nothing_in_a_request_is_taken_for_a_path(binomial: Any, tmp_path: Path) -> None:
    """The ancestor reads any file of the server that a caller names.

    What the library guarantees: no key of a request names a file, and a cell or name that looks like a path
    is just text. That no route takes a path is a matter of the templates, and tested there.
    """
    secret = tmp_path / "secret.csv"
    secret.write_text("x0,x1,x2,x3\n1,2,3,4\n")
    for key in ("file", "path", "csv"):
        raw = body(binomial, binomial.cells[:1], None, **{key: str(secret)})
        problem = refused(binomial.scorer, raw)
        assert problem.errors[0]["code"] == "unknown_key"
    there = refused(binomial.scorer, body(binomial, [[str(secret)] * 4]))
    secret.unlink()
    gone = refused(binomial.scorer, body(binomial, [[str(secret)] * 4]))
    assert contract.problem_body(there) == contract.problem_body(gone)
    assert str(tmp_path) not in contract.problem_body(there)[1].decode()


def test_b10_every_refusal_has_the_same_shape(binomial: Any) -> None:
    """The ancestor's errors are JSON, empty, or text with a stack trace, by template and by fault."""
    small = Settings(limits=Limits(rows=1))
    for raw in (
        b"",
        b"{",
        b"[]",
        b"{}",
        body(binomial, [["x"] * 4]),
        body(binomial, [[1] * 4] * 2),
        body(binomial, [[1] * 4], requestPredictionIntervals=True),
        body(binomial, [[1] * 4], requestShapleyValueType="X"),
    ):
        for ask in (contract.answer, contract.contribution):
            with pytest.raises(Problem) as caught:
                ask(binomial.scorer, raw, small)
            status, answer = contract.problem_body(caught.value)
            found = json.loads(answer)
            assert 400 <= status < 600
            assert {"code", "detail"} <= set(found) <= {"code", "detail", "hint", "errors", "example"}
            assert "Traceback" not in answer.decode()
            for error in found.get("errors", []):
                assert {"code", "detail"} <= set(error) <= {"code", "field", "row", "detail", "hint"}


def test_b10_the_answer_is_row_major_and_follows_the_names_of_the_request(regression: Any) -> None:
    """Other templates of the ancestor ignore the names of the fields, or answer column by column."""
    rows = regression.cells[:3]
    turned = [row[::-1] for row in rows]
    found = contract.answer(regression.scorer, body(regression, turned, regression.fields[::-1]))
    assert found == contract.answer(regression.scorer, body(regression, rows))
    assert len(json.loads(found)["score"]) == 3
