"""Answers: whatever format asks and answers, they are those that JSON gets."""

import asyncio
import gzip
import io
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
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
from scoring import contract
from scoring._engine import Matrix
from scoring.settings import Settings
from server import formats
from server.formats.csv import CsvEncoder, Lines
from server.formats.encoder import Layout


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> scoring.Scorer:
    return forest(tmp_path_factory.mktemp("formats"))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> scoring.Scorer:
    return plain(tmp_path_factory.mktemp("formats"))


def csv_rows(count: int, *odd: str) -> bytes:
    lines = [f"{RNG.normal()!r},{RNG.normal() * 10.0**k!r},red,n{k}" for k in range(-9, 20)] * (count // 29)
    return "\n".join(["b,a,colour,id", *lines, *odd]).encode()


@pytest.mark.parametrize("goes", WRITERS)
@pytest.mark.parametrize("comes", WRITERS)
@pytest.mark.parametrize("piece", [1 << 16, 17])
def test_every_format_gives_what_json_gives(
    scorer: scoring.Scorer, comes: str, goes: str, piece: int
) -> None:
    lines = rows()
    options = {"include": ["id"], "contributions": ["original"]}
    found = read(goes, score(call(scorer, WRITERS[comes](FIELDS, lines), comes, goes, options, piece=piece)))
    wanted = answered(scorer, FIELDS, lines, includeFieldsInOutput=["id"], requestShapleyValueType="ORIGINAL")
    assert len(found) == len(lines)
    shapley = wanted["featureShapleyContributions"]
    for k, row in enumerate(found):
        assert row["id"] == wanted["score"][k][0]
        assert [float(row[name]) for name in scorer.output_names] == wanted["score"][k][1:]
        for group in shapley["contributionGroups"]:
            names = [f"{feature}.{group['outputGroup']}" for feature in shapley["features"]]
            assert [float(row[name]) for name in names] == group["contributions"][k]
    assert list(found[0])[:4] == ["id", *scorer.output_names]


@pytest.mark.parametrize("comes", WRITERS)
def test_an_answer_may_be_json(scorer: scoring.Scorer, comes: str) -> None:
    lines = rows(20)
    made = call(scorer, WRITERS[comes](FIELDS, lines), comes, "application/json", {"include": ["id"]})
    found = json.loads(score(made))
    request = {"fields": FIELDS, "rows": lines, "includeFieldsInOutput": ["id"]}
    assert found == json.loads(contract.answer(scorer, json.dumps(request).encode()))


@pytest.mark.parametrize("goes", WRITERS)
def test_a_json_body_may_be_answered_in_any_format(scorer: scoring.Scorer, goes: str) -> None:
    lines = rows(20)
    request = {"fields": FIELDS, "rows": lines, "includeFieldsInOutput": ["id"], "idField": "id"}
    made = call(scorer, json.dumps(request).encode(), "application/json", goes)
    found = read(goes, score(made))
    wanted = answered(scorer, FIELDS, lines)["score"]
    assert [[float(row[name]) for name in scorer.output_names] for row in found] == wanted
    assert [row["id"] for row in found] == [line[0] for line in lines]
    assert made.rows == 20


@pytest.mark.parametrize("goes", WRITERS)
def test_contributions_alone(scorer: scoring.Scorer, goes: str) -> None:
    lines = rows(9)
    made = call(scorer, as_csv(FIELDS, lines), CSV, goes, {"contributions": ["transformed"]})
    found = read(goes, score(made, contributions=True))
    request = {"fields": FIELDS, "rows": lines, "requestShapleyValueType": "TRANSFORMED", "typedOutput": True}
    wanted = json.loads(contract.contribution(scorer, json.dumps(request).encode()))
    names = [f"{n}.{g['outputGroup']}" for g in wanted["contributionGroups"] for n in wanted["features"]]
    assert list(found[0]) == names
    listed = [[x for g in wanted["contributionGroups"] for x in g["contributions"][k]] for k in range(9)]
    assert [[float(row[name]) for name in names] for row in found] == listed
    made = call(scorer, as_csv(FIELDS, lines), CSV, "application/json", {"contributions": ["transformed"]})
    del request["typedOutput"]
    same = contract.contribution(scorer, json.dumps(request).encode())
    assert score(made, contributions=True) == same


def test_plain_numbers_take_the_short_way_and_give_the_same(numbers: scoring.Scorer) -> None:
    lines = [[repr(float(x)) for x in row] for row in RNG.normal(size=(500, 4))]
    lines[3] = [" 1.5", "-2e3 ", "+.5", "7."]
    names = ["c", "a", "d", "b"]
    found = read(CSV, score(call(numbers, as_csv(names, lines))))
    assert [[float(row["y"])] for row in found] == answered(numbers, names, lines)["score"]
    for cell in ("NA", "", "inf", "true", "1e400", "1_0", "0x10", "\u0661"):
        odd = [*lines, [cell, "1", "2", "3"]]
        assert outcome(lambda odd=odd: answered(numbers, names, odd)["score"]) == outcome(
            lambda odd=odd: [[float(row["y"])] for row in read(CSV, score(call(numbers, as_csv(names, odd))))]
        )


@pytest.mark.parametrize("query", [{}, {"include": ["id"]}, {"include": ["a,id"]}])
@pytest.mark.parametrize(
    "odd",
    [(), ("1,,blue,x",), ("NA,1,,",), ("inf,1,red,x",), (" 1, 2 ,red,x",), ("+1,1e400,red,x",),
     ("1,x,red,x",),
     ("1,2,red",), ("1,2,red,x,y",), ("1,2,r\u00e9d,\u00e9",), ("true,NaN,red,x",), ("", "1,2,red,x", ""),
     ("-999,0x10,red,x",), ("1_0,1,red,x",)],
)  # fmt: skip
def test_csv_that_the_engine_reads_gives_the_bytes_of_the_slow_way(
    scorer: scoring.Scorer, monkeypatch: pytest.MonkeyPatch, odd: tuple[str, ...], query: dict[str, list[str]]
) -> None:
    body = csv_rows(3000, *odd)
    settings = Settings(lenient=True)  # the scorer has a fourth input, c

    def run() -> Any:
        return outcome(lambda: score(call(scorer, body, query=query, settings=settings)))

    quick = run()
    monkeypatch.setattr(Lines, "_quick", lambda *_: None)
    assert quick == run()


def test_numbers_are_written_with_the_fewest_digits_whatever_stands_beside_them() -> None:
    some = RNG.normal(size=3000) * 10.0 ** RNG.integers(-7, 30, 3000)
    odd = [0.0, -0.0, 1e-4, 9.999e-5, 1e16, 123.0, 5e-324, 1.7e308, math.inf, -math.inf, math.nan, 1.0]
    rows = np.concatenate([some, odd]).reshape(-1, 2)
    values = rows.ravel().tolist()
    texts = ["" if value != value else repr(value).replace("inf", "Infinity") for value in values]
    encoder = CsvEncoder()
    encoder.head(Layout(["a", "b"], [], [], False))
    alone = encoder.body([Matrix(rows)]).decode().split()
    assert alone == [f"{a},{b}" for a, b in zip(texts[::2], texts[1::2], strict=True)]
    beside = encoder.body([["x"] * len(rows), Matrix(rows)]).decode().split()
    assert beside == [f"x,{line}" for line in alone]


@pytest.mark.parametrize("goes", WRITERS)
def test_fresh_ids(scorer: scoring.Scorer, goes: str) -> None:
    found = read(goes, score(call(scorer, as_csv(FIELDS, rows(50)), CSV, goes, {"idField": ["key"]})))
    assert len({row["key"] for row in found}) == 50
    assert list(found[0]) == ["key", *scorer.output_names]


def test_csv_in_all_its_ways(scorer: scoring.Scorer) -> None:
    plain = score(call(scorer, b"a,b,c,colour\n1,2,3,red\n4,,6,\n"))
    for body in (
        b"\xef\xbb\xbfa,b,c,colour\r\n1,2,3,red\r\n4,,6,\r\n",
        b'\n"a","b",c,colour\n\n1,"2",3,"red"\n4,,6,',
        b'a,b,c,colour,note\n1,2,3,red,"a\nb, ""c"""\n4,NA,6,"",x\n',
    ):
        for piece in (1, 5, 1000):
            assert score(call(scorer, body, piece=piece)) == plain
    body = b'a,b,c,colour,note\n1,true,3,red,"a\nb, ""c"""\n'
    found = read(CSV, score(call(scorer, body, query={"include": ["note,b"]})))
    assert (found[0]["note"], found[0]["b"]) == ('a\nb, "c"', "1")
    only = score(call(scorer, b"a,b,c,colour\n"))
    assert only.decode().strip() == ",".join(scorer.output_names)


def test_gzip_bodies(scorer: scoring.Scorer) -> None:
    lines = rows(3000)
    body = as_csv(FIELDS, lines)
    plain = score(call(scorer, body))
    half = len(body) // 2
    for packed in (gzip.compress(body), gzip.compress(body[:half]) + gzip.compress(body[half:])):
        for piece in (100, 1 << 16):
            assert score(call(scorer, packed, piece=piece, content_encoding="gzip")) == plain
    request = json.dumps({"fields": FIELDS, "rows": lines}).encode()
    made = call(scorer, gzip.compress(request), "application/json", content_encoding="gzip")
    assert score(made) == contract.answer(scorer, request)
    for bad in (b"", b"no gzip", gzip.compress(body)[:-9], gzip.compress(body) + b"more"):
        found = refused(call(scorer, bad, content_encoding="gzip"))
        assert (found.code, found.status) == ("malformed_body", 400)
    found = refused(call(scorer, body, content_encoding="br"))
    assert found.code == "unsupported_media_type"


def test_arrow_types_mean_what_their_cells_mean(scorer: scoring.Scorer) -> None:
    table = pa.table(
        {
            "a": pa.array([1, 2, None], pa.int8()),
            "b": pa.array([0.5, None, 2.5], pa.float32()),
            "c": pa.array([True, False, None]),
            "colour": pa.array(["red", None, "odd"]).dictionary_encode(),
            "when": pa.array([0, 1, 2], pa.timestamp("us", "UTC")),
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    lines = [[1, 0.5, True, "red"], [2, None, False, None], [None, 2.5, None, "odd"]]
    wanted = answered(scorer, ["a", "b", "c", "colour"], lines)["score"]
    made = call(scorer, sink.getvalue(), ARROW, query={"include": ["when,colour,a"]})
    found = pa.ipc.open_stream(score(made)).read_all()
    assert found.schema.names[:3] == ["a", "colour", "when"]
    assert found.schema.types[2] == pa.timestamp("us", "UTC")
    assert np.column_stack([found[name] for name in scorer.output_names]).tolist() == wanted
    as_text = call(scorer, sink.getvalue(), ARROW, CSV, {"include": ["when,colour"]})
    assert read(CSV, score(as_text))[1]["when"] == "1970-01-01T00:00:00.000001+00:00"
    packed = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(packed, table.schema, options=options) as writer:
        writer.write_table(table)
    assert refused(call(scorer, packed.getvalue(), ARROW)).code == "unsupported_media_type"


@pytest.mark.parametrize(
    ("accepts", "goes"),
    [
        (None, CSV),
        ("*/*", CSV),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("application/json;q=0.5, text/*", CSV),
        ("text/csv;q=0, */*;q=0.1", None),
        ("application/x-ndjson;q=0.9, application/vnd.apache.arrow.stream", ARROW),
        ("application/jsonl", NDJSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", CSV),
        ("image/png", "refused"),
        ("text/csv;q=0", "refused"),
        ("text/csv;q=nonsense", "refused"),
    ],
)
def test_accept(scorer: scoring.Scorer, accepts: str | None, goes: str | None) -> None:
    made = call(scorer, b"a,b,c,colour\n1,2,3,red\n", CSV, accepts)
    if goes == "refused":
        assert refused(made).status == 406
        return
    answer = asyncio.run(formats.score(made))
    assert answer.content_type == goes if goes else answer.content_type != CSV


def test_numbers_that_json_lacks(numbers: scoring.Scorer) -> None:
    body = b"a,b,c,d,e\nInfinity,NaN,-inf,4,5\n"
    query = {"include": ["a,b"]}
    (found,) = read(CSV, score(call(numbers, body, query=query)))
    assert (found["a"], found["b"]) == ("Infinity", "NaN")
    sent = b'{"a":Infinity,"b":NaN,"c":1,"d":2}'
    (found,) = read(NDJSON, score(call(numbers, sent, NDJSON, query=query)))
    assert (found["a"], found["b"]) == ("Infinity", None)


def test_json_at_a_glance(scorer: scoring.Scorer) -> None:
    assert formats.plain(call(scorer, b"", "application/json"))
    assert formats.plain(call(scorer, b"", "application/json", "*/*"))
    assert not formats.plain(call(scorer, b""))
    assert not formats.plain(call(scorer, b"", "application/json", CSV))
    assert not formats.plain(call(scorer, b"", "application/json", content_encoding="gzip"))


@pytest.mark.parametrize("goes", WRITERS)
def test_rows_out_of_distribution_are_flagged(numbers: scoring.Scorer, goes: str) -> None:
    packed = numbers.artifact
    plane = {"fields": ["a", "b"], "center": [0.0, 0.0], "scale": [1.0, 1.0], "components": [[1.0, 0.0]]}
    made = scoring.Artifact.create(
        name="measured",
        task=packed.manifest.task,
        target=packed.manifest.target,
        inputs=packed.manifest.schema.inputs,
        features=packed.features,
        forest=packed.forest.decode(),
        baseline={"distance": {**plane, "threshold": 2.0}},
    )
    measured = scoring.load(made.data)
    body = b"a,b,c,d\n9,1,0,0\n0,-3,0,0\n0,NA,0,0\n"
    query = {"outOfDistribution": ["true"], "contributions": ["original"]}
    found = read(goes, score(call(measured, body, CSV, goes, query)))
    assert [str(row["outOfDistribution"]).lower() for row in found] == ["false", "true", "false"]
    assert [float(row["distance"]) for row in found] == [1.0, 3.0, 0.0]
    assert list(found[0])[-2:] == ["outOfDistribution", "distance"]
    whole_answer = json.loads(score(call(measured, body, CSV, "application/json", query)))
    assert whole_answer["outOfDistribution"] == [False, True, False]
    assert whole_answer["distances"] == ["1.0", "3.0", "0.0"]
