"""Scorer, Lambda function and server on 64-bit ARM answer with the bytes that they answer with here."""

import base64
import gzip
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
import scoring
from scoring import contract

EVENTS = (
    "rest_api", "http_api", "function_url", "load_balancer", "load_balancer_multi",
    "redshift", "snowflake", "bigquery", "aurora", "sqs",
)  # fmt: skip
CHANGING = ("x-request-id", "date")
START_S = 120  # qemu translates each start anew, on a machine that does other things too


def _asked(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Requests of every kind, good and bad, as (route, body)."""
    fields, (row,) = body["fields"], body["rows"]
    many = [[f"{float(cell) * (1 + step / 97):.9g}" for cell in row] for step in range(60)]
    many[1] = ["" for _ in row]
    many[2] = ["NaN", "inf", "-1e308", "5e-324", "1e400", *row[5:]]
    good: dict[str, Any] = {"fields": fields, "rows": [many[0], many[1], *many[3:]]}
    shapley = {"requestShapleyValueType": "ORIGINAL"}
    bodies = [
        ("score", good),
        ("score", {**good, "typedOutput": True, "requestOutOfDistribution": True}),
        ("score", {**good, "includeFieldsInOutput": [fields[3]], "requestShapleyValueType": "TRANSFORMED"}),
        ("contribution", {**good, **shapley}),
        ("score", {**good, "rows": [[float(cell) for cell in row], [None for _ in row]]}),
        ("score", {**good, "rows": [many[2], many[0]]}),
        ("score", {**good, "rows": [[*row[:-1], "much"], row[:3]]}),
        ("score", {"fields": fields[1:], "rows": [row[1:]]}),
        ("contribution", {**good, "requestShapleyValueType": "SOME"}),
    ]
    return [(route, json.dumps(each)) for route, each in bodies]


def _answered(scorer: scoring.Scorer, route: str, body: str) -> str:
    try:
        if route == "score":
            return scorer.score_json(body.encode()).decode()
        return contract.contribution(scorer, body.encode()).decode()
    except scoring.Problem as problem:
        return contract.problem_body(problem)[1].decode()


def test_the_scorer_answers_with_the_same_bytes(
    machine: Any, core: Path, example: Path, scorer: Any, request_body: Any, tmp_path: Path
) -> None:
    asked = _asked(request_body)
    (tmp_path / "asked").write_text(json.dumps(asked))

    machine.run(
        "scorer.py", example / "cooler.pipeline", tmp_path / "asked", tmp_path / "answered", path=[core]
    )

    found = json.loads((tmp_path / "answered").read_text())
    assert found == [_answered(scorer, route, body) for route, body in asked]
    assert sum("errors" in json.loads(each) for each in found) == 4


def _events(root: Path, body: dict[str, Any]) -> list[dict[str, Any]]:
    folder = root / "aws-lambda-scorer" / "tests" / "events"
    recorded = [json.loads((folder / f"{name}.json").read_text()) for name in EVENTS]
    csv = "".join(",".join(line) + "\n" for line in (body["fields"], *body["rows"] * 40))
    packed = {
        **recorded[0],
        "body": base64.b64encode(gzip.compress(csv.encode())).decode(),
        "isBase64Encoded": True,
        "headers": {"content-type": "text/csv", "content-encoding": "gzip"},
        "multiValueHeaders": None,
    }
    bad = {**recorded[0], "body": '{"fields": []}', "isBase64Encoded": False}
    batch = {"input": "s3://artifacts/rows.csv", "output": "s3://artifacts/scores.ndjson"}
    return [*recorded, packed, bad, body, batch]


def _same(answers: list[Any]) -> list[Any]:
    """Give answers without what differs from one time to the next."""
    for answer in answers:
        headers = answer.get("headers", {}) if isinstance(answer, dict) else {}
        for name in CHANGING:
            headers.pop(name, None)
    return answers


@pytest.fixture
def bucket(aws_emulator: Callable[[], AbstractContextManager[str]], example: Path, request_body: Any) -> Any:
    """S3 with the artifact and a table in it: (address, client)."""
    with aws_emulator() as url:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=url, **keys)
        s3.create_bucket(Bucket="artifacts")
        s3.upload_file(str(example / "cooler.pipeline"), "artifacts", "cooler.pipeline")
        lines = (request_body["fields"], *request_body["rows"] * 5000)
        s3.put_object(Bucket="artifacts", Key="rows.csv", Body="".join(",".join(x) + "\n" for x in lines))
        yield url, s3
        s3.close()


def _runtime(folder: Path) -> Path:
    """Give a folder with what Lambda's runtime has for batches and is Python alone."""
    place = folder / "runtime"
    place.mkdir()
    for name in ("botocore", "dateutil", "jmespath", "six", "urllib3"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        file = Path(found.origin)
        source = file if file.name == "six.py" else file.parent
        (place / source.name).symlink_to(source)
    return place


def test_the_function_answers_as_here(
    machine: Any, function: Path, guest: Path, bucket: Any, scorer: Any, request_body: Any, root: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    url, s3 = bucket
    (tmp_path / "events").write_text(json.dumps(_events(root, request_body)))
    variables = {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url, "PIPELINE_DIGEST": scorer.digest,
        "PIPELINE_URI": "s3://artifacts/cooler.pipeline", "SCORER_METRICS_NAMESPACE": "none",
    }  # fmt: skip
    words = (tmp_path / "events", tmp_path / "there")

    done = machine.run(
        "function.py", *words, path=[function, _runtime(tmp_path)],
        SCORER_CACHE=str(tmp_path / "cache"), **variables,
    )  # fmt: skip
    written = s3.get_object(Bucket="artifacts", Key="scores.ndjson")["Body"].read()
    own = {"PYTHONPATH": str(root / "aws-lambda-scorer" / "src"), "SCORER_CACHE": str(tmp_path / "own")}
    here = subprocess.run(
        [sys.executable, guest / "function.py", tmp_path / "events", tmp_path / "here"],
        env={**own, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert here.returncode == 0, here.stderr

    there = json.loads((tmp_path / "there").read_text())
    assert [each["statusCode"] for each in there if "statusCode" in each] == [200] * 6 + [422]
    assert _same(there) == _same(json.loads((tmp_path / "here").read_text()))
    assert there[-1]["rows"] == 5000
    assert written == s3.get_object(Bucket="artifacts", Key="scores.ndjson")["Body"].read()
    assert "numpy" not in done.stderr


@pytest.fixture
def server(
    machine: Any, libraries: Path, example: Path, free_port: int, tmp_path: Path
) -> Iterator[tuple[int, Path]]:
    """Cloud Run's service with uvloop and httptools, as its image for ARM holds them: (port, log)."""
    log = tmp_path / "log"
    variables = {"PORT": str(free_port), "PIPELINE_PATH": str(example / "cooler.pipeline")}
    with log.open("wb") as written:
        process = subprocess.Popen(
            machine.command("-P", "-m", "gcp_cloud_run_scorer"),
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(libraries), **variables},
            stdout=written, stderr=written,
        )  # fmt: skip
    try:
        until = time.monotonic() + START_S
        while _ask(free_port, "GET", "/readyz")[0] != 200:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield free_port, log
    finally:
        process.terminate()
        ended = process.wait(60)
    assert ended == 0, log.read_text()


def _ask(port: int, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"content-type": kind} if kind else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""  # it does not listen yet
    finally:
        connection.close()


def test_the_server_answers_with_the_same_bytes(
    server: tuple[int, Path], scorer: Any, request_body: Any
) -> None:
    port, _ = server

    for route, body in _asked(request_body):
        status, found = _ask(port, "POST", f"/model/{route}", body.encode(), "application/json")
        expected = _answered(scorer, route, body)
        assert found.decode() == expected
        assert (status == 200) == ("errors" not in json.loads(expected))
    assert _ask(port, "GET", "/model/schema") == (200, contract.schema(scorer))
