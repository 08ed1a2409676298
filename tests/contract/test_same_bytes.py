"""Promise: the same request gets the same bytes on every template, and its scores are LightGBM's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scoring
from frames import COLOURS, MISSING, UNKNOWN
from scoring import contract

KINDS = ["regression", "numeric", "binomial", "multinomial", "transforms", "one", "large"]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_cores_bytes_and_lightgbms_numbers(
    template: Path, golden: Any, serve: Any, kind: str
) -> None:
    frame = golden[kind]
    body = frame.request()

    got = serve(template, frame.path).send("POST", "/model/score", body)

    assert got.status == 200, got.body
    assert got.body == contract.answer(scoring.load(frame.path), body)
    found = np.array(json.loads(got.body)["score"], np.float64)
    np.testing.assert_array_equal(found, frame.expected())


@pytest.mark.parametrize("members", [
    {"typedOutput": True},
    {"includeFieldsInOutput": ["e", "colour", "a"]},
    {"noFieldNamesInOutput": True},
    {"requestShapleyValueType": "ORIGINAL"},
    {"requestShapleyValueType": "TRANSFORMED"},
], ids=lambda members: next(iter(members)))  # fmt: skip
def test_what_a_request_asks_for_is_answered_alike(
    template: Path, golden: Any, serve: Any, members: Any
) -> None:
    frame = golden["multinomial"]
    body = frame.request(**members)

    got = serve(template, frame.path).send("POST", "/model/score", body)

    assert (got.status, got.body) == (200, contract.answer(scoring.load(frame.path), body))


def test_contributions_are_the_same_and_add_up(template: Path, golden: Any, serve: Any) -> None:
    frame = golden["binomial"]
    body = frame.request(requestShapleyValueType="ORIGINAL")

    got = serve(template, frame.path).send("POST", "/model/contribution", body)

    assert (got.status, got.body) == (200, contract.contribution(scoring.load(frame.path), body))
    parts = np.array(got.json["contributionGroups"][0]["contributions"], np.float64)
    np.testing.assert_allclose(parts.sum(axis=1), frame.raw(frame.table), rtol=1e-9)


def test_every_kind_of_value_is_among_them(golden: Any) -> None:
    """No promise of a template's: what the others are tried on is what it says."""
    sent = {cell for kind in KINDS for row in golden[kind].cells for cell in row}

    assert sent >= {*MISSING, UNKNOWN, *COLOURS, "Infinity", "inf", "-Infinity", "-inf", 5e-324, "-0.0"}
    assert {type(cell) for cell in sent} == {float, str, type(None)}
    assert [len(golden[kind].cells) for kind in ("one", "large")] == [1, 10_000]
    assert {scoring.load(golden[kind].path).task for kind in KINDS} == {
        "regression",
        "binomial",
        "multinomial",
    }


@pytest.mark.parametrize(
    "name", ["id", "schema", "sample_request", "sample_contribution_request", "capabilities"]
)
def test_what_is_told_about_the_pipeline_is_the_same(
    template: Path, golden: Any, serve: Any, name: str
) -> None:
    frame = golden["multinomial"]
    scorer = scoring.load(frame.path)
    expected = {
        "id": lambda: scorer.id.encode(),
        "schema": lambda: contract.schema(scorer),
        "sample_request": lambda: contract.sample_request(scorer),
        "sample_contribution_request": lambda: contract.sample_contribution_request(scorer),
        "capabilities": lambda: contract.capabilities(scorer),
    }[name]()

    got = serve(template, frame.path).send("GET", f"/model/{name}")

    assert (got.status, got.body) == (200, expected)


def test_the_sample_request_can_be_sent_as_it_is(template: Path, golden: Any, serve: Any) -> None:
    endpoint = serve(template, golden["regression"].path)

    got = endpoint.send("POST", "/model/score", endpoint.send("GET", "/model/sample_request").body)

    assert got.status == 200
    assert len(got.json["score"]) == 1


def test_csv_is_scored_as_json_is(template: Path, golden: Any, serve: Any) -> None:
    frame = golden["multinomial"]
    lines = [",".join(frame.fields)]
    lines += [",".join("" if cell is None else str(cell) for cell in row) for row in frame.cells]
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"}

    got = serve(template, frame.path).send("POST", "/model/score", "\n".join(lines).encode(), headers)

    assert got.status == 200, got.body
    head, *rows = got.body.decode().splitlines()
    assert head == "y.low,y.mid,y.high"
    np.testing.assert_array_equal(np.array([row.split(",") for row in rows], np.float64), frame.expected())


def test_every_answer_names_the_artifact_that_gave_it(template: Path, golden: Any, serve: Any) -> None:
    frame = golden["regression"]

    got = serve(template, frame.path).send("POST", "/model/score", frame.request())

    assert scoring.load(frame.path).digest in got.headers.values()
