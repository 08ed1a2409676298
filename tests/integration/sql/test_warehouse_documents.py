"""docs/warehouses.md: its statements are the dialects', its requests get the answers that it shows."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

DOCUMENT = Path(__file__).parents[3] / "docs" / "warehouses.md"
TEXT = DOCUMENT.read_text()
STATEMENTS = re.findall(r"```sql (\w+)\n(.*?)```", TEXT, re.DOTALL)
PAIRS = re.findall(r"```json request (\w+)\n(.*?)```.*?```json answer\n(.*?)```", TEXT, re.DOTALL)
WITHOUT_GRAMMAR = (
    "CREATE OR REPLACE EXTERNAL FUNCTION",
    "CREATE OR REPLACE API INTEGRATION",
    "CREATE EXTENSION",
)
"""Statements that sqlglot does not know; the document says so."""
START_SECONDS = 30.0


def test_the_document_has_all_four() -> None:
    assert {dialect for dialect, _ in STATEMENTS} == {"redshift", "postgres", "snowflake", "bigquery"}
    assert len(PAIRS) == 5


@pytest.mark.parametrize(("dialect", "statement"), STATEMENTS)
def test_a_statement_is_the_dialects(dialect: str, statement: str, caplog: pytest.LogCaptureFixture) -> None:
    (parsed,) = sqlglot.parse(statement, dialect=dialect)

    if isinstance(parsed, exp.Command):
        assert statement.startswith(WITHOUT_GRAMMAR)
        before = TEXT[: TEXT.index(statement)].rsplit("```", 2)[-2]
        assert "ot parsed" in before
    else:
        assert isinstance(parsed, exp.Select | exp.Create)
        assert not list(parsed.find_all(exp.Command))


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_the_lambda_function_gives_the_answer(
    number: int, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIPELINE_URI", str(root / "sql-scorer/example/cooler.pipeline"))
    monkeypatch.setenv("SCORER_CACHE", str(tmp_path))
    monkeypatch.delenv("PIPELINE_DIGEST", raising=False)
    from aws_lambda_scorer import handler
    from aws_lambda_scorer.pipeline import Pipeline

    monkeypatch.setattr(handler, "PIPELINE", Pipeline())
    kind, request, answer = PAIRS[number]
    if kind == "lambda":
        assert handler.handle(json.loads(request), None) == json.loads(answer)
        return
    event = json.loads((root / "aws-lambda-scorer/tests/events/rest_api.json").read_text())
    event |= {"body": request, "isBase64Encoded": False, "multiValueHeaders": None}
    found = handler.handle({**event, "headers": {"content-type": "application/json"}}, None)
    assert (found["statusCode"], json.loads(found["body"])) == (200, json.loads(answer))


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Any]]:
    """The app of the Cloud Run template, as its word `run` starts it: a function that posts to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]

    def post(path: str, body: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", path, body.encode(), {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    log = tmp_path_factory.mktemp("service") / "log"
    command = [
        sys.executable, "-m", "gcp_cloud_run_scorer", "run", str(root / "sql-scorer/example/cooler.pipeline")
    ]  # fmt: skip
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env={**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}, stdout=file, stderr=file
        )
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                break
        except OSError:
            time.sleep(0.05)
    yield post
    process.terminate()
    process.wait(20)


@pytest.mark.parametrize("number", [number for number, pair in enumerate(PAIRS) if pair[0] == "http"])
def test_the_service_gives_the_answer(number: int, service: Callable[[str, str], Any]) -> None:
    _, request, answer = PAIRS[number]
    path = "/warehouse/bigquery" if "calls" in json.loads(request) else "/warehouse/snowflake"

    assert service(path, request) == (200, json.loads(answer))
