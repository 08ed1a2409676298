"""Batches: an object of S3 in, an object out, whole or not at all."""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import scoring
from aws_lambda_scorer import batch as batches

GOOD = {"input": "s3://{b}/rows.csv", "output": "s3://{b}/o.csv"}
NAMES = "cool_cond_y.3,cool_cond_y.20,cool_cond_y.100"


@pytest.fixture
def lines(body: bytes) -> Any:
    """CSV of as many rows as are wanted, each with a `name`, which the scorer does not know."""
    request = json.loads(body)

    def made(count: int) -> tuple[str, list[list[str]]]:
        rows = [
            [str(float(cell) * (1 + place % 89 / 970)) for cell in request["rows"][0]]
            for place in range(count)
        ]
        text = ",".join(["name", *request["fields"]]) + "\n"
        return text + "".join(f"row {place}," + ",".join(row) + "\n" for place, row in enumerate(rows)), rows

    return made


def expected(template: Path, rows: list[list[str]]) -> list[str]:
    scores = scoring.load(template / "example" / "cooler.pipeline").outputs(rows)
    return [",".join(map(repr, row)) for row in scores.tolist()]


def get(s3: Any, bucket: str, key: str) -> bytes:
    found: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return found


def keys(s3: Any, bucket: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_csv_in_csv_out(s3: Any, bucket: str, lines: Any, handle: Any, context: Any, template: Path) -> None:
    text, rows = lines(5000)
    s3.put_object(Bucket=bucket, Key="in/rows.csv", Body=text.encode())

    answer = handle({"input": f"s3://{bucket}/in/rows.csv", "output": f"s3://{bucket}/out/scores.csv",
                     "includeFieldsInOutput": ["name"]}, context)  # fmt: skip

    assert answer["rows"] == 5000, answer
    head, *found = get(s3, bucket, "out/scores.csv").decode().splitlines()
    assert head == f"name,{NAMES}"
    assert found == [f"row {place},{scores}" for place, scores in enumerate(expected(template, rows))]
    assert answer["bytes"] == len(get(s3, bucket, "out/scores.csv"))


def test_lines_that_the_engine_reads_are_answered_as_those_that_it_does_not(
    s3: Any, bucket: str, lines: Any, handle: Any, template: Path
) -> None:
    text, rows = lines(5000)
    plain = text.encode()
    quoted = plain.replace(b"row 4321,", b'"row, 4321",')
    for name, body in (("plain", plain), ("quoted", quoted)):
        s3.put_object(Bucket=bucket, Key=f"{name}.csv", Body=body)
        order = {"input": f"s3://{bucket}/{name}.csv", "output": f"s3://{bucket}/scores-{name}.csv"}
        assert handle(order, None)["rows"] == 5000
    scores = get(s3, bucket, "scores-plain.csv")

    assert scores == get(s3, bucket, "scores-quoted.csv")
    assert scores.decode().splitlines() == [NAMES, *expected(template, rows)]


def test_a_bad_row_behind_many_good_ones_has_its_own_number(
    s3: Any, bucket: str, lines: Any, handle: Any
) -> None:
    text, rows = lines(9000)
    place = text.index(rows[8765][0], text.index("row 8765,"))
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=(text[:place] + "much" + text[place:]).encode())

    answer = handle({"input": f"s3://{bucket}/rows.csv", "output": f"s3://{bucket}/o.csv"}, None)

    assert (answer["status"], answer["errors"][0]["row"]) == (422, 8765)
    assert keys(s3, bucket) == ["rows.csv"]


@pytest.mark.parametrize(("source", "target"), [
    ("rows.csv.gz", "scores.csv"), ("rows.csv", "scores.ndjson.gz"), ("rows.ndjson", "scores.csv.gz"),
    ("rows.jsonl.gz", "scores.ndjson"),
])  # fmt: skip
def test_other_formats_and_packing(
    s3: Any, bucket: str, lines: Any, handle: Any, template: Path, source: str, target: str, body: bytes
) -> None:
    text, rows = lines(2500)
    if "json" in source:
        fields = json.loads(body)["fields"]
        text = "".join(json.dumps(dict(zip(fields, row, strict=True))) + "\n" for row in rows)
    data = text.encode()
    s3.put_object(Bucket=bucket, Key=source, Body=gzip.compress(data) if source.endswith(".gz") else data)

    answer = handle({"input": f"s3://{bucket}/{source}", "output": f"s3://{bucket}/{target}"}, None)

    assert answer["rows"] == 2500, answer
    found = get(s3, bucket, target)
    found = gzip.decompress(found) if target.endswith(".gz") else found
    if "json" in target:
        listed = [",".join(map(repr, json.loads(line).values())) for line in found.decode().splitlines()]
    else:
        listed = found.decode().splitlines()[1:]
    assert listed == expected(template, rows)


def test_formats_can_be_said(s3: Any, bucket: str, lines: Any, handle: Any) -> None:
    s3.put_object(Bucket=bucket, Key="rows", Body=lines(3)[0].encode())
    order = {"input": f"s3://{bucket}/rows", "output": f"s3://{bucket}/scores"}
    assert handle(order, None)["code"] == "invalid_request"
    answer = handle(
        {**order, "format": "csv", "outputFormat": "ndjson", "requestShapleyValueType": "ORIGINAL"}, None
    )
    assert answer["rows"] == 3, answer
    assert len(json.loads(get(s3, bucket, "scores").decode().splitlines()[0])) == 3 + 3 * 18


def test_large_answers_go_up_in_parts(
    s3: Any, bucket: str, lines: Any, handle: Any, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_PART", 5 * 1024 * 1024)  # the least that S3 takes
    text, rows = lines(6000)
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=text.encode())
    order = {"input": f"s3://{bucket}/rows.csv", "output": f"s3://{bucket}/scores.csv"}

    answer = handle({**order, "requestShapleyValueType": "ORIGINAL"}, None)

    assert answer["rows"] == 6000, answer
    data = get(s3, bucket, "scores.csv")
    assert answer["bytes"] == len(data) > 5 * 1024 * 1024
    found = [",".join(line.split(",")[:3]) for line in data.decode().splitlines()[1:]]
    assert found == expected(template, rows)
    assert s3.head_object(Bucket=bucket, Key="scores.csv")["ETag"].endswith('-2"')  # two parts


def test_a_fault_in_a_late_row_leaves_nothing_and_names_the_row(
    s3: Any, bucket: str, lines: Any, handle: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    text, _ = lines(20_000)
    broken = text.replace("row 19990,", "row 19990,s3cret")  # the first number gets letters
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=broken.encode())

    answer = handle({"input": f"s3://{bucket}/rows.csv", "output": f"s3://{bucket}/scores.csv"}, None)

    assert (answer["status"], answer["code"]) == (422, "invalid_request")
    assert answer["errors"][0]["row"] == 19990
    assert keys(s3, bucket) == ["rows.csv"]
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert "s3cret" not in json.dumps(answer) + capfd.readouterr().out


def test_a_failure_after_the_first_part_leaves_nothing(
    s3: Any, bucket: str, lines: Any, handle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_PART", 16 * 1024)
    text, _ = lines(9000)
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=(text + "row,1\n").encode())
    answer = handle({"input": f"s3://{bucket}/rows.csv", "output": f"s3://{bucket}/scores.csv"}, None)
    assert answer["code"] == "invalid_request"
    assert keys(s3, bucket) == ["rows.csv"]
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_an_order_that_cannot_be_done_in_time_stops_before_its_end(
    s3: Any, bucket: str, lines: Any, handle: Any
) -> None:
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=lines(10)[0].encode())
    context = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 1000)
    answer = handle({"input": f"s3://{bucket}/rows.csv", "output": f"s3://{bucket}/scores.csv"}, context)
    assert (answer["status"], answer["code"]) == (503, "out_of_time")
    assert keys(s3, bucket) == ["rows.csv"]


@pytest.mark.parametrize(("order", "code", "text"), [
    ({"input": "s3://{b}/none.csv", "output": "s3://{b}/o.csv"}, "object_missing", "no such object"),
    ({"input": "s3://no-such-bucket-here/n.csv", "output": "s3://{b}/o.csv"}, "object_missing", "no such"),
    ({"input": "rows.csv", "output": "s3://{b}/o.csv"}, "invalid_request", "input"),
    ({"input": "s3://{b}/rows.csv"}, "invalid_request", "output"),
    ({**GOOD, "output": "s3://{b}/rows.csv"}, "invalid_request", "The output is the input"),
    ({**GOOD, "outptFormat": "csv"}, "invalid_request", "outptFormat"),
    ({**GOOD, "includeFieldsInOutput": ["nmae"]}, "invalid_request", "nmae"),
    ({"input": "s3://{b}/empty.csv", "output": "s3://{b}/o.csv"}, "malformed_body", "empty"),
    ({"input": "s3://{b}/cut.csv.gz", "output": "s3://{b}/o.csv"}, "malformed_body", "gzip"),
])  # fmt: skip
def test_what_is_wrong_with_an_order_is_said(
    s3: Any, bucket: str, lines: Any, handle: Any, order: Any, code: str, text: str
) -> None:
    rows = lines(3)[0].encode()
    for key, data in (("rows.csv", rows), ("empty.csv", b""), ("cut.csv.gz", gzip.compress(rows)[:-8])):
        s3.put_object(Bucket=bucket, Key=key, Body=data)
    given = {
        name: value.replace("{b}", bucket) if isinstance(value, str) else value
        for name, value in order.items()
    }

    answer = handle(given, None)

    assert answer["code"] == code, answer
    assert text in json.dumps(answer)
    assert "o.csv" not in keys(s3, bucket)


def test_memory_does_not_grow_with_the_object(s3: Any, bucket: str, lines: Any, handle: Any) -> None:
    import tracemalloc

    def peak(count: int) -> int:
        s3.put_object(Bucket=bucket, Key="rows.csv.gz", Body=gzip.compress(lines(count)[0].encode(), 1))
        order = {"input": f"s3://{bucket}/rows.csv.gz", "output": f"s3://{bucket}/scores.csv.gz"}
        tracemalloc.start()
        try:
            assert handle(order, None)["rows"] == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # the client's own tables are not the batch's
    assert peak(9000) < 1.5 * peak(3000)
