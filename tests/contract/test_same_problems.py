"""Promise: the same bad request gets the same status, code and hint on every template."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scoring
from scoring import contract
from scoring.problem import Problem

GOOD = {"fields": ["a", "b", "c", "d", "e", "colour"], "rows": [["1", "2", "3", "4", "5", "red"]]}


def changed(**members: Any) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


def row(*cells: Any) -> bytes:
    return changed(rows=[list(cells)])


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed_json"),
    "no json": (b"{", 400, "malformed_json"),
    "not utf-8": (b'{"fields": ["\xff"]}', 400, "malformed_json"),
    "two documents": (b"{} {}", 400, "malformed_json"),
    "too deep": (b"[" * 100_000, 400, "malformed_json"),
    "an array": (b"[]", 422, "invalid_request"),
    "a number": (b"1", 422, "invalid_request"),
    "null": (b"null", 422, "invalid_request"),
    "no fields": (json.dumps({"rows": GOOD["rows"]}).encode(), 422, "invalid_request"),
    "no rows": (json.dumps({"fields": GOOD["fields"]}).encode(), 422, "invalid_request"),
    "no fields listed": (changed(fields=[]), 422, "invalid_request"),
    "no rows listed": (changed(rows=[]), 422, "invalid_request"),
    "fields as text": (changed(fields="a"), 422, "invalid_request"),
    "a field as a number": (changed(fields=[1, "b", "c", "d", "e", "colour"]), 422, "invalid_request"),
    "rows as an object": (changed(rows={}), 422, "invalid_request"),
    "a row as text": (changed(rows=["1"]), 422, "invalid_request"),
    "a missing field": (
        changed(fields=["a", "b", "c", "d", "e"], rows=[[1, 2, 3, 4, 5]]),
        422,
        "invalid_request",
    ),
    "a misspelt field": (changed(fields=["a", "b", "c", "d", "e", "color"]), 422, "invalid_request"),
    "a field in capitals": (changed(fields=["A", "b", "c", "d", "e", "colour"]), 422, "invalid_request"),
    "a field twice": (changed(fields=["a", "a", "c", "d", "e", "colour"]), 422, "invalid_request"),
    "a short row": (row("1", "2"), 422, "invalid_request"),
    "a long row": (row(*"1234567"), 422, "invalid_request"),
    "text for a number": (row("one", "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "a number too large": (row("1e999", "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "a huge integer": (row(10**400, 2, 3, 4, 5, "red"), 422, "invalid_request"),
    "an array as a cell": (row([1], "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "an object as a cell": (row({}, "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "an underscore in a number": (row("1_000", "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "a comma in a number": (row("1,5", "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "hexadecimal": (row("0x10", "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "an unknown key": (changed(includeFieldInOutput=["a"]), 422, "invalid_request"),
    "a key twice": (b'{"fields": [], "fields": [], "rows": []}', 422, "invalid_request"),
    "an unknown output field": (changed(includeFieldsInOutput=["zzz"]), 422, "invalid_request"),
    "flags as text": (changed(noFieldNamesInOutput="yes"), 422, "invalid_request"),
    "an unknown kind of contributions": (changed(requestShapleyValueType="SOME"), 422, "invalid_request"),
    "prediction intervals": (changed(requestPredictionIntervals=True), 501, "unsupported"),
    "media": (changed(mediaFields=["a"]), 501, "unsupported"),
    "several faults at once": (
        changed(fields=["A", "b"], rows=[["x"], [1, 2]], more=1),
        422,
        "invalid_request",
    ),
    "a comment": (b"// rows\n" + changed(), 400, "malformed_json"),
    "single quotes": (b"{'fields': [], 'rows': []}", 400, "malformed_json"),
    "a text": (b'"rows"', 422, "invalid_request"),
    "a null for fields": (changed(fields=None), 422, "invalid_request"),
    "a null for a row": (changed(rows=[None]), 422, "invalid_request"),
    "an empty name": (changed(fields=["", "b", "c", "d", "e", "colour"]), 422, "invalid_request"),
    "blanks in a number": (row("1 2", "2", "3", "4", "5", "red"), 422, "invalid_request"),
    "an output field twice over": (changed(includeFieldsInOutput="a"), 422, "invalid_request"),
    "twenty-five faults": (changed(rows=[["x", 2, 3, 4, 5, "red"]] * 25), 422, "invalid_request"),
    "too many fields": (changed(fields=[f"f{i}" for i in range(10_001)]), 413, "too_many_fields"),
    "too many rows": (changed(rows=[[1, 2, 3, 4, 5, "red"]] * 100_001), 413, "too_many_rows"),
}

CONTRIBUTIONS: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed_json"),
    "no kind": (changed(), 422, "invalid_request"),
    "an unknown kind": (changed(requestShapleyValueType="original"), 422, "invalid_request"),
    "a kind as a number": (changed(requestShapleyValueType=1), 422, "invalid_request"),
    "a short row": (changed(rows=[["1"]], requestShapleyValueType="ORIGINAL"), 422, "invalid_request"),
    "a key of scoring": (
        changed(requestShapleyValueType="ORIGINAL", requestPredictionIntervals=True),
        422,
        "invalid_request",
    ),
    "too many rows": (
        changed(rows=[[1, 2, 3, 4, 5, "red"]] * 10_001, requestShapleyValueType="ORIGINAL"),
        413,
        "too_many_rows",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused_with_the_cores_bytes(
    template: Path, golden: Any, serve: Any, name: str
) -> None:
    frame = golden["regression"]
    body, status, code = BODIES[name]

    got = serve(template, frame.path).send("POST", "/model/score", body)

    assert (got.status, got.json["code"]) == (status, code)
    assert got.body == _problem(contract.answer, frame.path, body)
    assert b"Traceback" not in got.body


@pytest.mark.parametrize("name", CONTRIBUTIONS)
def test_a_bad_request_for_contributions_is_refused_with_the_cores_bytes(
    template: Path, golden: Any, serve: Any, name: str
) -> None:
    frame = golden["regression"]
    body, status, code = CONTRIBUTIONS[name]

    got = serve(template, frame.path).send("POST", "/model/contribution", body)

    assert (got.status, got.json["code"]) == (status, code)
    assert got.body == _problem(contract.contribution, frame.path, body)


JSON = {"Content-Type": "application/json"}
XML = {"Content-Type": "text/xml"}
BROTLI = {**JSON, "Content-Encoding": "br"}
CSV = {"Content-Type": "text/csv"}
LINES = {"Content-Type": "application/x-ndjson"}
PARQUET = {"Content-Type": "application/vnd.apache.parquet"}
LATIN = {"Content-Type": "application/json; charset=latin-1"}
GZIP = {**JSON, "Content-Encoding": "gzip"}
PICTURE = {**JSON, "Accept": "image/png"}
CUT = gzip.compress(changed(), mtime=0)[:-9]
SCORE = "/model/score"
ROW = b"a,b,c,d,e,colour\n1,2,3,4,5,red\n"
ROUTES: dict[str, tuple[tuple[Any, ...], int, str]] = {
    "no such route": (("GET", "/model"), 404, "not_found"),
    "a route of files": (("GET", "/../etc/passwd"), 404, "not_found"),
    "schema by POST": (("POST", "/model/schema", b"{}", JSON), 405, "method_not_allowed"),
    "an unknown method": (("DELETE", SCORE), 405, "method_not_allowed"),
    "an unknown type of body": (("POST", SCORE, b"<a/>", XML), 415, "unsupported_media_type"),
    "an unknown encoding": (("POST", SCORE, b"x", BROTLI), 415, "unsupported_media_type"),
    "no gzip after all": (("POST", SCORE, b"x", GZIP), 400, "malformed_body"),
    "a broken gzip": (("POST", SCORE, CUT, GZIP), 400, "malformed_body"),
    "CSV that lacks a column": (("POST", SCORE, b"a,b,c,d,e\n1,2,3,4,5\n", CSV), 422, "invalid_request"),
    "CSV with text for a number": (("POST", SCORE, ROW.replace(b"1", b"one"), CSV), 422, "invalid_request"),
    "CSV with a short row": (("POST", SCORE, ROW + b"1,2\n", CSV), 422, "invalid_request"),
    "CSV with an open quote": (("POST", SCORE, ROW + b'"1', CSV), 400, "malformed_body"),
    "an unknown option": (("POST", f"{SCORE}?inclde=a", ROW, CSV), 422, "invalid_request"),
    "an option twice": (("POST", f"{SCORE}?idField=a&idField=b", ROW, CSV), 422, "invalid_request"),
    "an option with a wrong value": (
        ("POST", f"{SCORE}?contributions=some", ROW, CSV),
        422,
        "invalid_request",
    ),
    "an option beside JSON": (("POST", f"{SCORE}?include=a", changed(), JSON), 422, "invalid_request"),
    "contributions of CSV without a kind": (
        ("POST", "/model/contribution", ROW, CSV),
        422,
        "invalid_request",
    ),
    "a line that is no JSON": (("POST", SCORE, b"{\n", LINES), 400, "malformed_body"),
    "Parquet": (("POST", SCORE, b"PAR1", PARQUET), 415, "unsupported_media_type"),
    "another charset": (("POST", SCORE, changed(), LATIN), 415, "unsupported_media_type"),
    "media": (("POST", "/model/media-score", b"{}", JSON), 501, "unsupported"),
    "an answer that nobody gives": (("POST", SCORE, changed(), PICTURE), 406, "not_acceptable"),
}


@pytest.fixture(scope="session")
def first_answers() -> dict[str, bytes]:
    """What the first template answered; all others are held to it."""
    return {}


@pytest.mark.parametrize("name", ROUTES)
def test_a_request_astray_is_refused_alike(
    template: Path, golden: Any, serve: Any, name: str, first_answers: dict[str, bytes]
) -> None:
    words, status, code = ROUTES[name]

    got = serve(template, golden["regression"].path).send(*words)

    assert (got.status, got.json["code"]) == (status, code)
    assert got.body == first_answers.setdefault(name, got.body)


def _problem(ask: Callable[[scoring.Scorer, bytes], bytes], path: Path, body: bytes) -> bytes:
    scorer = scoring.load(path)
    try:
        ask(scorer, body)
    except Problem as problem:
        return contract.problem_body(problem)[1]
    raise AssertionError("the core answers this body")
