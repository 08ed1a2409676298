"""Any bytes and any document are parsed or refused, and never crash."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring import Field, Problem, Schema
from scoring.request import RequestParser
from scoring.settings import Settings

SCHEMA = Schema(
    (
        Field("sepal length"),
        Field("sepal_width", "Float32"),
        Field("species", "Str", categories=("setosa", "virginica")),
        Field("seen", "Time64"),
    )
)
FIELDS = ["sepal length", "sepal_width", "species", "seen"]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["1.5", "setosa", "NA"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
NAMES = st.lists(st.one_of(st.sampled_from([*FIELDS, "x", "Seen"]), JSON), max_size=6)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "fields": st.one_of(st.just(FIELDS), st.permutations(FIELDS), NAMES, JSON),
        "rows": st.one_of(st.lists(st.lists(SCALARS, min_size=4, max_size=4), max_size=12), JSON),
        "includeFieldsInOutput": st.one_of(NAMES, JSON),
        "idField": st.one_of(st.just("uid"), JSON),
        "noFieldNamesInOutput": JSON,
        "typedOutput": JSON,
        "requestShapleyValueType": st.one_of(st.sampled_from(["ORIGINAL", "NONE", "X"]), JSON),
        "requestPredictionIntervals": JSON,
        "mediaFields": JSON,
        "row": JSON,
    },
)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(DOCUMENTS, st.booleans(), st.booleans())
def test_any_document_is_parsed_or_refused_and_always_alike(
    document: Any, contribution: bool, lenient: bool
) -> None:
    raw = json.dumps(document).encode()
    outcomes = []
    for _ in range(2):
        parser = RequestParser(SCHEMA, Settings(lenient=lenient))
        try:
            request = (parser.contribution if contribution else parser.score)(raw)
            outcomes.append(request.matrix().tobytes() + repr(request.matrix().shape).encode())
        except Problem as problem:
            outcomes.append(json.dumps(problem.to_dict()).encode())
    assert outcomes[0] == outcomes[1]


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.binary(max_size=40))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    with pytest.raises(Problem):
        RequestParser(SCHEMA).score(raw)
