"""The contract against real models: answers equal LightGBM's, refusals are complete and always the same."""

import dataclasses
import json
import math
import re
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scoring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring import Problem, contract
from scoring.artifact import Artifact
from scoring.example import example_request
from scoring.fault import FAULTS, PROBLEMS, refusal
from scoring.request import SCORE_KEYS, RequestParser
from scoring.settings import DEFAULT, Limits, Settings

KINDS = ["binomial", "regression", "multinomial", "mixed"]


@pytest.fixture(params=KINDS)
def trained(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def body(trained: Any, rows: Any = None, **members: Any) -> bytes:
    document = {"fields": trained.fields, "rows": trained.cells if rows is None else rows, **members}
    return json.dumps(document).encode()


def problem_of(scorer: scoring.Scorer, raw: bytes, options: Settings = DEFAULT) -> Problem:
    with pytest.raises(Problem) as caught:
        contract.answer(scorer, raw, options)
    return caught.value


def scores(answer: bytes) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(json.loads(answer)["score"], np.float64)


def test_scores_equal_lightgbm_to_the_last_bit(trained: Any) -> None:
    found = json.loads(contract.answer(trained.scorer, body(trained)))
    assert found["id"] == trained.scorer.id
    assert found["fields"] == list(trained.scorer.output_names)
    assert all(isinstance(cell, str) for row in found["score"] for cell in row)
    expected = trained.outputs()
    np.testing.assert_array_equal(np.array(found["score"], np.float64), expected)
    for row in range(5):
        alone = contract.answer(trained.scorer, body(trained, [trained.cells[row]]))
        np.testing.assert_array_equal(scores(alone), expected[row : row + 1])


def test_output_columns_are_named_after_target_and_label(
    binomial: Any, regression: Any, multinomial: Any
) -> None:
    assert list(binomial.scorer.output_names) == ["bought.no", "bought.yes"]
    assert list(regression.scorer.output_names) == ["price"]
    assert list(multinomial.scorer.output_names) == [
        f"species.{label}" for label in ("1", "10", "a.b", "(x|y)*")
    ]


def test_strings_and_numbers_score_alike_and_typed_output_has_the_same_doubles(trained: Any) -> None:
    as_text = [[None if cell is None else str(cell) for cell in row] for row in trained.cells]
    plain = contract.answer(trained.scorer, body(trained, as_text))
    assert plain == contract.answer(trained.scorer, body(trained))
    typed = contract.answer(trained.scorer, body(trained, typedOutput=True))
    assert all(isinstance(cell, float) for row in json.loads(typed)["score"] for cell in row)
    np.testing.assert_array_equal(scores(typed), scores(plain))


@pytest.mark.parametrize("kind", ["ORIGINAL", "TRANSFORMED"])
def test_contributions_are_lightgbms_and_add_up(trained: Any, kind: str) -> None:
    rows = trained.cells[:20]
    raw = body(trained, rows, requestShapleyValueType=kind)
    found = json.loads(contract.contribution(trained.scorer, raw))
    assert found["features"] == [*(f"contrib_{name}" for name in trained.fields), "contrib_bias"]
    parts = np.array([group["contributions"] for group in found["contributionGroups"]], np.float64)
    expected = trained.contributions()[:20].reshape(20, -1, len(trained.fields) + 1).transpose(1, 0, 2)
    np.testing.assert_allclose(parts, expected, rtol=1e-9, atol=1e-12)
    raw_scores = np.asarray(trained.booster.predict(trained.table.iloc[:20], raw_score=True)).reshape(20, -1)
    np.testing.assert_allclose(parts.sum(axis=2).T, raw_scores, rtol=1e-9, atol=1e-12)
    both = json.loads(contract.answer(trained.scorer, raw))
    assert both["featureShapleyContributions"] == found
    np.testing.assert_array_equal(np.array(both["score"], np.float64), trained.outputs()[:20])


def test_only_a_scorer_of_classes_has_output_groups(binomial: Any, regression: Any, multinomial: Any) -> None:
    for trained, groups in (
        (binomial, [None]),
        (regression, [None]),
        (multinomial, ["1", "10", "a.b", "(x|y)*"]),
    ):
        raw = body(trained, trained.cells[:1], requestShapleyValueType="ORIGINAL")
        found = json.loads(contract.contribution(trained.scorer, raw))
        assert [group.get("outputGroup") for group in found["contributionGroups"]] == groups


def test_categories_times_and_missing_values(mixed: Any) -> None:
    rows = [["0.5", "0.5", "red", "2017-07-14T02:40:00"], [0.5, 0.5, " red ", 1.5e9], [None, "", "NA", "NaN"]]
    found = scores(contract.answer(mixed.scorer, body(mixed, rows)))
    assert found[0] == found[1]
    table = mixed.table.iloc[:1].copy()
    table.loc[:, :] = [[math.nan, math.nan, None, math.nan]]
    assert found[2] == mixed.booster.predict(table.astype(mixed.table.dtypes.to_dict()))
    reply = contract.reply(mixed.scorer, body(mixed, [["1", "1", "mauve", None]] * 3))
    assert (reply.rows, reply.unseen()) == (3, {"colour": 3})


def test_names_that_are_not_ascii_are_utf_8(mixed: Any) -> None:
    assert '"fields":["wert für é"]'.encode() in contract.answer(mixed.scorer, body(mixed))


def test_samples_pass_their_own_validation(trained: Any) -> None:
    scorer = trained.scorer
    sample = contract.sample_request(scorer)
    assert json.loads(sample)["fields"] == trained.fields
    assert len(scores(contract.answer(scorer, sample))) == 1
    assert None not in json.loads(sample)["rows"][0]
    explained = contract.sample_contribution_request(scorer)
    assert json.loads(explained)["requestShapleyValueType"] == "ORIGINAL"
    assert json.loads(contract.contribution(scorer, explained))["features"]


def test_the_sample_is_a_real_row_without_gaps(mixed: Any) -> None:
    row = json.loads(contract.sample_request(mixed.scorer))["rows"][0]
    assert row in mixed.scorer.artifact.samples["rows"]
    assert not set(row) & set(mixed.scorer.schema.inputs[0].missing)


def test_samples_without_sample_rows(mixed: Any) -> None:
    artifact = mixed.scorer.artifact
    bare = Artifact.create(
        name="bare",
        task=artifact.manifest.task,
        target="y",
        inputs=[
            scoring.Field(field.name, field.type, categories=field.categories)
            for field in mixed.scorer.schema
        ],
        features=artifact.features,
        forest=artifact.forest.decode(),
    )
    scorer = scoring.Scorer(bare)
    sample = json.loads(contract.sample_request(scorer))
    assert sample["rows"] == [["0", "0", "blue", "2018-01-01"]]
    assert contract.answer(scorer, json.dumps(sample).encode())


def test_the_schema_is_filled(mixed: Any, binomial: Any, multinomial: Any) -> None:
    found = json.loads(contract.schema(mixed.scorer))
    assert (found["id"], found["name"]) == (mixed.scorer.id, "model")
    inputs = found["schema"]["inputFields"]
    assert [(field["name"], field["dataType"]) for field in inputs] == [
        ("x0", "Float64"),
        ("x1", "Float64"),
        ("colour", "Str"),
        ("seen", "Time64"),
    ]
    assert inputs[2]["categories"] == ["blue", "green", "red"]
    assert all(field["example"] and "NA" in field["missing"] for field in inputs)
    assert found["schema"]["outputFields"] == [{"name": "wert für é", "dataType": "Float64"}]
    assert found["properties"]["scoringType"] == "REGRESSION"
    for trained, kind in ((binomial, "BINOMIAL"), (multinomial, "CLASSIFICATION")):
        properties = json.loads(contract.schema(trained.scorer))["properties"]
        assert properties["scoringType"] == kind
        assert (
            properties["scoringResponseLabels"]
            == properties["scoringResponLabels"]
            == list(trained.scorer.labels)
        )


def test_capabilities(binomial: Any) -> None:
    scorer = binomial.scorer
    everything = ["SCORE", "CONTRIBUTION_ORIGINAL", "CONTRIBUTION_TRANSFORMED"]
    assert json.loads(contract.capabilities(scorer)) == everything
    some = Settings(contributions=("TRANSFORMED",))
    assert json.loads(contract.capabilities(scorer, some)) == ["SCORE", "CONTRIBUTION_TRANSFORMED"]
    assert (
        json.loads(contract.sample_contribution_request(scorer, some))["requestShapleyValueType"]
        == "TRANSFORMED"
    )
    with pytest.raises(Problem) as caught:
        contract.sample_contribution_request(scorer, Settings(contributions=()))
    assert caught.value.status == 501


def test_a_model_without_counts_scores_and_is_honest_about_contributions(
    regression: Any, tmp_path: Path
) -> None:
    lines = regression.booster.model_to_string().split("\n")
    kept = [line for line in lines if not line.startswith(("leaf_count=", "internal_count="))]
    text = tmp_path / "bare.txt"
    text.write_text("\n".join(line for line in kept if not line.startswith("tree_sizes=")))
    scoring.pack(text, tmp_path / "bare.pipeline", target="price")
    scorer = scoring.load(tmp_path / "bare.pipeline")
    assert json.loads(contract.capabilities(scorer)) == ["SCORE"]
    np.testing.assert_array_equal(scores(contract.answer(scorer, body(regression))), regression.outputs())
    problem = problem_of(scorer, body(regression, requestShapleyValueType="ORIGINAL"))
    assert (problem.status, problem.errors[0]["code"]) == (501, "unsupported_contributions")


def test_the_id_can_be_overridden(binomial: Any) -> None:
    named = Settings(model_id="registry-7")
    assert contract.identifier(binomial.scorer) == binomial.scorer.id
    assert contract.identifier(binomial.scorer, named) == "registry-7"
    assert json.loads(contract.answer(binomial.scorer, body(binomial), named))["id"] == "registry-7"
    assert json.loads(contract.schema(binomial.scorer, named))["id"] == "registry-7"
    assert json.loads(contract.answer(binomial.scorer, body(binomial)))["id"] == binomial.scorer.id


def test_a_refusal_carries_an_example_that_works(trained: Any) -> None:
    problem = problem_of(trained.scorer, b'{"fields":["x"],"rows":[]}')
    assert problem.example is not None
    assert contract.answer(trained.scorer, json.dumps(problem.example).encode())
    with pytest.raises(Problem) as caught:
        contract.contribution(trained.scorer, b"{}")
    assert contract.contribution(trained.scorer, json.dumps(caught.value.example).encode())


def test_the_same_bad_request_gets_the_same_bytes(mixed: Any) -> None:
    raw = b'{"fields":["x0","X1","colour"],"rows":[["a","1",[]],[1]],"what":1}'
    bodies = set()
    for _ in range(3):
        scorer = scoring.load(mixed.scorer.artifact.data)
        bodies.add(contract.problem_body(problem_of(scorer, raw)))
    assert len(bodies) == 1
    status, found = bodies.pop()
    assert status == 422
    assert set(json.loads(found)) == {"code", "detail", "hint", "errors", "example"}


def test_an_internal_error_tells_nothing_of_the_inside(binomial: Any) -> None:
    scorer = scoring.load(binomial.scorer.artifact.data)
    scorer.engine = None  # type: ignore[assignment]
    problem = problem_of(scorer, body(binomial))
    status, found = contract.problem_body(problem)
    assert status == 500
    assert json.loads(found) == {"code": "internal_error", "detail": PROBLEMS["internal_error"][1]}
    assert isinstance(problem.__cause__, AttributeError)


def test_score_json_is_the_contract(binomial: Any) -> None:
    assert binomial.scorer.score_json(body(binomial)) == contract.answer(binomial.scorer, body(binomial))
    with pytest.raises(Problem):
        binomial.scorer.score_json(b"{}")


def test_scorers_are_not_kept_alive(binomial: Any) -> None:
    scorer = scoring.load(binomial.scorer.artifact.data)
    contract.answer(scorer, body(binomial))
    assert scorer in contract._DESKS
    gone = weakref.ref(scorer)
    del scorer
    assert gone() is None


def test_threads_share_a_scorer(mixed: Any) -> None:
    expected = contract.answer(mixed.scorer, body(mixed))
    found: list[bytes] = []
    orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]]

    def ask(order: list[int]) -> None:
        fields = [mixed.fields[i] for i in order]
        rows = [[row[i] for i in order] for row in mixed.cells]
        raw = json.dumps({"fields": fields, "rows": rows}).encode()
        found.extend(contract.answer(mixed.scorer, raw) for _ in range(5))

    threads = [threading.Thread(target=ask, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 15


PAGE = Path(__file__).parents[4] / "docs" / "contract.md"
documented = pytest.mark.skipif(not PAGE.exists(), reason="docs/contract.md is not part of this installation")


def documents(label: str) -> list[Any]:
    """Return the JSON blocks of the page that a comment with the label precedes."""
    blocks = re.findall(f"<!-- {label} -->\n```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    return [json.loads(block) for block in blocks]


@documented
def test_every_code_is_in_the_documentation_and_nothing_else() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    problems = [f"| `{code}` | {status} | {meaning} |" for code, (status, meaning) in PROBLEMS.items()]
    faults = [f"| `{code}` | {meaning} |" for code, meaning in FAULTS.items()]
    for table in (problems, faults):
        first = lines.index(table[0])
        assert lines[first : first + len(table)] == table
        assert not lines[first + len(table)].startswith("|")


@documented
def test_the_examples_of_the_documentation_are_true() -> None:
    fields = documents("schema")[0]["schema"]["inputFields"]
    inputs = [
        {"name": field["name"], "type": field["dataType"]}
        | {key: field[key] for key in ("missing", "categories", "example", "min", "max") if key in field}
        for field in fields
    ]
    schema = scoring.Schema.from_dict({"inputs": inputs})
    parser = RequestParser(schema, example=lambda _: example_request(schema))
    requests = [json.dumps(document).encode() for document in documents("request")]
    assert [len(parser.score(raw).rows) for raw in requests] == [2]
    assert (
        parser.contribution(json.dumps(documents("contribution request")[0]).encode()).shapley == "ORIGINAL"
    )
    with pytest.raises(Problem) as caught:
        parser.score(json.dumps(documents("faulty request")[0]).encode())
    assert caught.value.status == 422
    assert caught.value.to_dict() == documents("problem")[0]


@documented
def test_the_keys_and_settings_of_the_documentation_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    keys = re.findall(r"^\| `(\w+)` \|", page[: page.index("### Cells")], re.MULTILINE)
    assert sorted(keys) == sorted(SCORE_KEYS)
    for name, value in vars_of(Limits()).items():
        assert f"| `limits.{name}` | `SCORER_MAX_{name.upper()}` | {value} |" in page
    assert all(f"| `{name}` | `" in page for name in vars_of(Settings()) if name != "limits")


def vars_of(dataclass: Any) -> dict[str, Any]:
    return {member.name: getattr(dataclass, member.name) for member in dataclasses.fields(dataclass)}


def test_problems_of_the_catalogue_can_be_written() -> None:
    for code, (status, meaning) in PROBLEMS.items():
        found, raw = contract.problem_body(refusal(code))
        assert found == status
        assert json.loads(raw) == {"code": code, "detail": meaning}


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3),
    st.floats(-3, 3).map(repr),
    st.sampled_from(["red", "blue", "mauve", "", "NA", "2017-07-14", "x", "1e5", "Infinity", math.nan]),
)


@settings(
    deadline=None,
    max_examples=120,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=12),
    order=st.permutations(range(4)),
    members=st.fixed_dictionaries(
        {},
        optional={
            "typedOutput": st.booleans(),
            "includeFieldsInOutput": st.lists(st.sampled_from(["x0", "seen", "colour", "id"]), max_size=3),
            "idField": st.sampled_from(["id", "x0"]),
            "noFieldNamesInOutput": st.booleans(),
            "requestShapleyValueType": st.sampled_from(["ORIGINAL", "TRANSFORMED", "NONE"]),
        },
    ),
)
def test_any_request_is_answered_as_predict_does_or_refused(
    mixed: Any, rows: list[list[Any]], order: list[int], members: dict[str, Any]
) -> None:
    document = {
        "fields": [mixed.fields[i] for i in order],
        "rows": [[row[i] for i in order] for row in rows],
        **members,
    }
    raw = json.dumps(document).encode()
    try:
        found = json.loads(contract.answer(mixed.scorer, raw))
    except Problem as problem:
        refused = json.loads(contract.problem_body(problem)[1])
        again = problem_of(mixed.scorer, raw).to_dict()
        assert refused == json.loads(json.dumps(again))
        return
    expected = mixed.scorer.predict(rows)
    last = [row[-1] for row in found["score"]]
    np.testing.assert_array_equal(np.array(last, np.float64), expected)
    assert ("fields" in found) != members.get("noFieldNamesInOutput", False)
    wanted = members.get("requestShapleyValueType", "NONE") != "NONE"
    assert ("featureShapleyContributions" in found) == wanted
