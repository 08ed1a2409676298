"""What is wrong with a body in any format: the problems of JSON, limits, and nothing that crashes."""

import asyncio
import gzip
import json

import pytest
import scoring
from format_bodies import (
    ARROW,
    CSV,
    FIELDS,
    NDJSON,
    RNG,
    WRITERS,
    answered,
    as_arrow,
    as_csv,
    call,
    forest,
    outcome,
    plain,
    read,
    refused,
    rows,
    score,
)
from scoring.problem import Problem
from scoring.settings import Limits, Settings
from server import formats
from server.call import Call
from server.formats import answer as answering


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> scoring.Scorer:
    return forest(tmp_path_factory.mktemp("formats"))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> scoring.Scorer:
    return plain(tmp_path_factory.mktemp("formats"))


@pytest.mark.parametrize("comes", [CSV, NDJSON])
def test_the_faults_are_those_of_json_and_all_at_once(scorer: scoring.Scorer, comes: str) -> None:
    lines = rows(6000)
    lines[1][1], lines[4500][3], lines[5999][2] = "wide", "x", "y"
    made = call(scorer, WRITERS[comes](FIELDS, lines), comes)
    found = refused(made)
    with pytest.raises(Problem) as caught:
        answered(scorer, FIELDS, lines)
    assert found.to_dict() == caught.value.to_dict()
    assert [error["row"] for error in found.errors] == [1, 4500, 5999]


def test_arrow_faults_name_row_and_field(scorer: scoring.Scorer) -> None:
    lines = rows(30)
    for line in lines:
        line[1] = "1.5"
    lines[20][1] = "wide"
    found = refused(call(scorer, as_arrow(FIELDS, lines), ARROW))
    assert [(error["code"], error["row"], error["field"]) for error in found.errors] == [
        ("not_a_number", 20, "a")
    ]
    assert "wide" not in json.dumps(found.to_dict()["errors"])


@pytest.mark.parametrize("comes", WRITERS)
def test_fields_and_options_are_checked(scorer: scoring.Scorer, comes: str) -> None:
    lines = rows(3)
    body = WRITERS[comes](["id", "A", "b", "c", "colour"], lines)
    found = refused(call(scorer, body, comes, query={"include": ["idd"]}))
    assert [error["code"] for error in found.errors] == ["missing_field", "unknown_output_field"]
    assert found.errors[0]["hint"] == 'Rename the field "A" to "a".'
    query = {"inclde": ["id"], "contributions": ["some"], "idField": ["x", "y"]}
    found = refused(call(scorer, body, comes, query=query))
    assert [error["code"] for error in found.errors] == ["unknown_key", "duplicate_key", "unknown_value"]
    assert found.errors[0]["hint"] == "Did you mean include?"
    assert refused(call(scorer, body, comes), contributions=True).errors[0]["code"] == "missing_key"
    query = {"outOfDistribution": ["true"]}
    found = refused(call(scorer, WRITERS[comes](FIELDS, lines), comes, query=query))
    assert (found.status, found.errors[0]["code"]) == (501, "unsupported_out_of_distribution")


@pytest.mark.parametrize(
    ("sends", "body"),
    [
        (CSV, b""),
        (CSV, b"\n\n"),
        (CSV, b"\xff\xfe"),
        (CSV, b'a,b,c,colour\n1,2,3,"red\n'),
        (CSV, b'a,b,c,colour\n1,2,3,"red"x\n'),
        (CSV, b"a,b,c,colour\r1,2,3,red\r"),
        (CSV, b'"' + b"x" * (3 << 20)),
        (CSV, b"a,b,c,colour\n" + b"1" * (3 << 20)),
        (NDJSON, b""),
        (NDJSON, b"[1]\n"),
        (NDJSON, b"7\n"),
        (NDJSON, b'{"a":1\n'),
        (NDJSON, b'{"a":"\xff"}\n'),
        (NDJSON, b"[" * 100_000),
        (NDJSON, b'{"a":' + b"1" * 5000 + b"}"),
        (NDJSON, b'{"a":"' + b"1" * (5 << 20)),
        (ARROW, b""),
        (ARROW, b"nothing of the kind"),
        (ARROW, b"\xff\xff\xff\xff\x08\x00\x00\x00" + b"\x00" * 8),
        (ARROW, b"\xff\xff\xff\xff\x08\x00\x00\x00" + b"\xff" * 8),
        (ARROW, as_arrow(["a"], [[1.0]])[:-40]),
    ],
)
def test_what_is_not_the_format_is_400(scorer: scoring.Scorer, sends: str, body: bytes) -> None:
    found = refused(call(scorer, body, sends))
    assert (found.code, found.status) == ("malformed_body", 400)


def test_ndjson_lines_may_differ_in_order_but_not_lack_an_input(scorer: scoring.Scorer) -> None:
    first = {"a": 1, "b": 2, "c": 3, "colour": "red"}
    lines = [first, dict(reversed(first.items())), {**first, "more": [1]}]
    body = "\n".join(map(json.dumps, lines)).encode()
    found = read(NDJSON, score(call(scorer, body, NDJSON)))
    assert found[0] == found[1] == found[2]
    body += b'\n{"a": 1, "b": 2, "c": [3], "colour": "red"}\n{"a": 1, "a": 2, "b": 2, "c": 3, "colour": 1}'
    body += b'\n{"a": 1}'
    found_faults = refused(call(scorer, body, NDJSON)).errors
    assert [(error["code"], error["row"]) for error in found_faults] == [
        ("not_a_cell", 3),
        ("duplicate_key", 4),
        *[("missing_field", 5)] * 3,
    ]
    lenient = Settings(lenient=True)
    assert len(read(NDJSON, score(call(scorer, b'{"a":1}\n{"b":2}', NDJSON, settings=lenient)))) == 2


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(
    scorer: scoring.Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    found = refused(call(scorer, bomb, "application/json", content_encoding="gzip"))
    assert (found.code, found.status) == ("body_too_large", 413)
    monkeypatch.setattr(answering, "STREAM_BYTES", 1 << 20)
    small = Settings(Limits(body_bytes=1 << 20))
    body = gzip.compress(b"a,b,c,colour\n" + b"1,2,3,red\n" * 200_000)
    assert refused(call(scorer, body, settings=small, content_encoding="gzip")).code == "body_too_large"


def test_large_bodies_stream_and_a_late_fault_breaks_the_answer(scorer: scoring.Scorer) -> None:
    small = Settings(Limits(body_bytes=300_000))
    line = b"1,2,3,red\n"
    body = b"a,b,c,colour\n" + line * 100_000
    made = call(scorer, body, settings=small)

    async def run(made: Call) -> tuple[list[int], bytes]:
        answer = await formats.score(made)
        assert not isinstance(answer.body, bytes)
        pieces = [piece async for piece in answer.body]
        return [len(piece) for piece in pieces], b"".join(pieces)

    sizes, found = asyncio.run(run(made))
    assert max(sizes) < 5_000_000
    assert len(sizes) > 2
    assert found == score(call(scorer, body))
    assert made.rows == 100_000
    with pytest.raises(Problem):
        asyncio.run(run(call(scorer, body + b"x,2,3,red\n", settings=small)))
    early = refused(call(scorer, b"a,b,c,colour\nx,2,3,red\n" + line * 100_000, settings=small))
    assert (early.code, early.errors[0]["row"]) == ("invalid_request", 0)


def test_limits_of_rows(scorer: scoring.Scorer) -> None:
    few = Settings(Limits(rows=5, contribution_rows=3))
    body = as_csv(FIELDS, rows(6))
    assert refused(call(scorer, body, accepts="application/json", settings=few)).code == "too_many_rows"
    query = {"contributions": ["original"]}
    assert refused(call(scorer, body, query=query, settings=few)).code == "too_many_rows"
    assert len(read(CSV, score(call(scorer, body, settings=few)))) == 6  # streams are bounded by bytes


def test_damaged_arrow_never_crashes(scorer: scoring.Scorer) -> None:
    body = bytearray(as_arrow(FIELDS, rows(20)))
    places = RNG.integers(0, len(body), 300)
    for place in places:
        damaged = bytearray(body)
        damaged[place] ^= int(RNG.integers(1, 256))
        found = outcome(lambda damaged=damaged: score(call(scorer, bytes(damaged), ARROW)))
        assert isinstance(found, bytes) or found[0] in (400, 413, 415, 422)


@pytest.mark.parametrize(
    "sends", ["text/html", "text/csv; charset=utf-16", "text/csv; header=absent", "nonsense"]
)
def test_content_types_that_cannot_be_read_are_415(scorer: scoring.Scorer, sends: str) -> None:
    assert refused(call(scorer, b"a\n1\n", sends)).status == 415


def test_without_pyarrow_arrow_is_refused_with_a_hint(
    scorer: scoring.Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "find_spec", lambda name: None)
    found = refused(call(scorer, b"", ARROW))
    assert (found.status, "scoring-server[arrow]" in found.hint) == (415, True)
    assert refused(call(scorer, b"", CSV, ARROW)).status == 406
