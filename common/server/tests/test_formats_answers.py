import asyncio
import csv
import gzip
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
import scoring
from scoring import contract
from scoring._engine import Matrix
from scoring.problem import Problem
from scoring.settings import Limits, Settings
from server import formats
from server.call import Answer, Body, Call, Served
from server.formats import answer as answering
from server.formats.csv import CsvEncoder, Lines
from server.formats.encoder import Layout

CSV, NDJSON, ARROW = "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"
RNG = np.random.default_rng(11)


class Inline:
    """Does the work of a call at once."""

    async def run(self, call: Call, limit: str, function: Any) -> Any:
        return function()


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> scoring.Scorer:
    rows = 300
    table = pd.DataFrame(RNG.normal(size=(rows, 3)), columns=["a", "b", "c"])
    table.loc[::7, "b"] = np.nan
    table["colour"] = pd.Categorical(RNG.choice(["red", "green, dark", 'blue "sky"'], rows))
    y = (table.a > 0).astype(int) + (table.colour == "red").astype(int)
    parameters = {
        "objective": "multiclass",
        "num_class": 3,
        "num_threads": 1,
        "verbose": -1,
        "min_data_in_leaf": 5,
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, y), 5)
    path = tmp_path_factory.mktemp("formats") / "model.pipeline"
    scoring.pack(booster, path, labels=["low", "mid", "high"], target="y", X=table)
    return scoring.load(path)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> scoring.Scorer:
    table = pd.DataFrame(RNG.normal(size=(200, 4)), columns=list("abcd"))
    parameters = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5}
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, table.a + table.b), 5)
    path = tmp_path_factory.mktemp("formats") / "numbers.pipeline"
    scoring.pack(booster, path, target="y", X=table)
    return scoring.load(path)


def call(
    scorer: scoring.Scorer,
    body: bytes,
    sends: str = CSV,
    accepts: str | None = None,
    query: Mapping[str, list[str]] | None = None,
    settings: Settings | None = None,
    piece: int = 1 << 16,
    **headers: str,
) -> Call:
    async def receive() -> Mapping[str, Any]:
        nonlocal body
        first, body = body[:piece], body[piece:]
        return {"type": "http.request", "body": first, "more_body": bool(body)}

    sent = {b"content-type": sends.encode()}
    if accepts is not None:
        sent[b"accept"] = accepts.encode()
    sent |= {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    settings = settings or Settings()
    served = Served(scorer, settings, scorer.digest, scorer.id, ())
    arrives = Body(receive, settings.limits.body_bytes)
    return Call("POST", "/model/score", dict(query or {}), sent, arrives, served, "r", Inline())


async def whole(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([piece async for piece in answer.body])


def score(made: Call, contributions: bool = False) -> bytes:
    async def run() -> bytes:
        answer = await (formats.contribution if contributions else formats.score)(made)
        assert answer.status == 200
        return await whole(answer)

    return asyncio.run(run())


def refused(made: Call, contributions: bool = False) -> Problem:
    with pytest.raises(Problem) as caught:
        score(made, contributions)
    return caught.value


def outcome(work: Any) -> Any:
    """Return what the work gives, or the status and the body of the problem that it ends with."""
    try:
        return work()
    except Problem as problem:
        return problem.status, problem.to_dict()


def rows(count: int = 40) -> list[list[Any]]:
    colours = ["red", "green, dark", 'blue "sky"', "unheard\nof", None]
    return [
        [f"id-{k}", float(RNG.normal()), None if k % 5 == 0 else float(RNG.normal()), k, colours[k % 5]]
        for k in range(count)
    ]


FIELDS = ["id", "a", "b", "c", "colour"]


def as_csv(fields: list[str], lines: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows(lines)
    return text.getvalue().encode()


def as_ndjson(fields: list[str], lines: list[list[Any]]) -> bytes:
    return "".join(json.dumps(dict(zip(fields, line, strict=True))) + "\n" for line in lines).encode()


def as_arrow(fields: list[str], lines: list[list[Any]], batch: int = 7) -> bytes:
    columns = {name: [line[k] for line in lines] for k, name in enumerate(fields)}
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)
    return sink.getvalue()


WRITERS = {CSV: as_csv, NDJSON: as_ndjson, ARROW: as_arrow}


def read(media: str, body: bytes) -> list[dict[str, Any]]:
    if media == CSV:
        return list(csv.DictReader(io.StringIO(body.decode())))
    if media == NDJSON:
        return [json.loads(line) for line in body.splitlines()]
    found: list[dict[str, Any]] = pa.ipc.open_stream(body).read_all().to_pylist()
    return found


def answered(
    scorer: scoring.Scorer, fields: list[str], lines: list[list[Any]], **members: Any
) -> dict[str, Any]:
    request = {"fields": fields, "rows": lines, "typedOutput": True, **members}
    found: dict[str, Any] = json.loads(contract.answer(scorer, json.dumps(request).encode()))
    return found


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


def csv_rows(count: int, *odd: str) -> bytes:
    lines = [f"{RNG.normal()!r},{RNG.normal() * 10.0**k!r},red,n{k}" for k in range(-9, 20)] * (count // 29)
    return "\n".join(["b,a,colour,id", *lines, *odd]).encode()


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


def test_damaged_arrow_never_crashes(scorer: scoring.Scorer) -> None:
    body = bytearray(as_arrow(FIELDS, rows(20)))
    places = RNG.integers(0, len(body), 300)
    for place in places:
        damaged = bytearray(body)
        damaged[place] ^= int(RNG.integers(1, 256))
        found = outcome(lambda damaged=damaged: score(call(scorer, bytes(damaged), ARROW)))
        assert isinstance(found, bytes) or found[0] in (400, 413, 415, 422)


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
