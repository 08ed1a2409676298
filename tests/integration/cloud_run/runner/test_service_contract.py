"""The planned service, run here under Cloud Run's contract: as a process and as a container, alike."""

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import scoring
from local_cloud_run.caller import Caller
from local_cloud_run.cloud import CloudRun
from scoring import contract

ME = "user:me@example.com"
TOKEN = "an-identity-token"
ROWS = 6_000
"""Rows whose contributions take a while."""

Start = Callable[..., "contextlib.AbstractContextManager[Any]"]


@pytest.fixture(scope="module", params=["process", "podman"])
def service_engine(request: pytest.FixtureRequest) -> Any:
    """One way to run an instance; the tests of this module run once with each."""
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture(scope="module")
def start(service_engine: Any, applied: Any, storage: str) -> Start:
    """Serve what was applied; `changed` are attributes of the revision to have otherwise."""

    @contextlib.contextmanager
    def serve(**changed: Any) -> Iterator[Any]:
        cloud = CloudRun(
            service_engine, lambda: applied.document, storage, tokens={TOKEN: ME, "another": "user:you@x.com"}
        )
        if changed:
            found = cloud.follow()
            name = found.newest.name
            other = dataclasses.replace(found.newest, **changed)
            cloud.follow = lambda: dataclasses.replace(found, newest=other)
            cloud.revisions[name] = other
        with cloud:
            key = applied.outputs["api_key"]
            headers = {"authorization": f"Bearer {TOKEN}", "x-api-key": key}
            cloud.caller = Caller(cloud.port, headers)
            yield cloud

    return serve


@pytest.fixture(scope="module")
def running(start: Start) -> Iterator[Any]:
    with start() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def slow(pipeline: Path) -> bytes:
    """A request that keeps an instance busy for a second or so."""
    sample = json.loads(contract.sample_request(scoring.load(pipeline)))
    rows = sample["rows"] * (ROWS // len(sample["rows"]))
    return json.dumps(
        {"fields": sample["fields"], "rows": rows, "requestShapleyValueType": "ORIGINAL"}
    ).encode()


def test_a_score_is_the_cores_bytes(running: Any, pipeline: Path) -> None:
    scorer = scoring.load(pipeline)
    body = contract.sample_request(scorer)

    got = running.caller.post("/model/score", body)

    assert (got.status, got.body) == (200, contract.answer(scorer, body))
    assert got.headers["x-pipeline-digest"] == scorer.digest


def test_it_starts_within_a_second_and_in_little_memory(
    start: Start, pipeline: Path, service_engine: Any
) -> None:
    body = contract.sample_request(scoring.load(pipeline))
    times = []
    for _ in range(3):
        with start() as cloud:
            cloud.call(cloud.warm())
            (instance,) = cloud.instances
            assert cloud.caller.post("/model/score", body).status == 200
            first_score = time.monotonic() - instance.begun
            times.append((instance.ready_seconds, first_score, cloud.call(instance.usage()).seconds))
            for _ in range(200):
                assert cloud.caller.post("/model/score", body).status == 200
            memory = cloud.call(instance.usage()).memory

    ready, first, work = (min(each) for each in zip(*times, strict=True))
    told = f"ready {ready:.2f} s, first score {first:.2f} s, {work:.2f} s of a processor, "
    print(f"\n{service_engine.name}: {told}{memory / 2**20:.0f} MiB")
    assert memory < 128 * 2**20
    assert work < 1.0
    if os.getloadavg()[0] < (os.cpu_count() or 1):  # else it is others that the time was spent on
        assert ready < 1.0
        assert first < 1.1


def test_only_named_callers_with_the_key_are_let_in(running: Any) -> None:
    send = running.caller.get

    assert send("/model/id", authorization="").status == 403
    assert send("/model/id", authorization="Bearer stolen").status == 401
    assert send("/model/id", authorization="Bearer another").status == 403
    assert send("/model/id", **{"x-api-key": "wrong"}).json["code"] == "unauthorized"
    assert send("/model/id").status == 200


def test_no_more_requests_are_inside_than_planned(running: Any, slow: bytes) -> None:
    (instance,) = running.instances
    instance.busiest = 0

    answers = [each.result() for each in [running.caller.later("/model/score", slow) for _ in range(6)]]

    assert {each.status for each in answers} == {200}
    assert instance.busiest == 4
    assert len(running.instances) == 1


def test_too_large_a_request_does_not_come_in(running: Any) -> None:
    assert running.caller.post("/model/score", b" " * (32 * 2**20 + 1)).status == 413


def test_what_google_answers_itself_is_not_relied_on(running: Any) -> None:
    assert running.caller.get("/readyz").status == 404
    assert running.instances[0].ready_seconds > 0  # though the probe reached it inside


def test_a_request_that_takes_too_long_is_given_up(start: Start, slow: bytes) -> None:
    with start(timeout=0.05) as cloud:
        assert cloud.caller.get("/model/id").status == 200
        assert cloud.caller.post("/model/score", slow).status == 504
        assert cloud.caller.get("/model/id").status == 200  # and the instance is as it was


def test_what_is_at_work_is_finished_after_sigterm(start: Start, slow: bytes) -> None:
    with start() as cloud:
        cloud.caller.get("/model/id")
        (instance,) = cloud.instances
        answer = cloud.caller.later("/model/score", slow)
        while instance.at_work == 0 and not answer.done():
            time.sleep(0.01)
        time.sleep(0.15)
        cloud.call(cloud.stop())

        assert answer.result().status == 200
        assert (instance.code, instance.events) == (0, ["ended by itself"])
        assert instance.end_seconds < 10


def test_an_instance_that_hangs_is_replaced(start: Start, running: Any) -> None:
    planned = running.instances[0].revision
    quick = dataclasses.replace(planned.liveness, period=0.2, timeout=0.2)
    with start(liveness=quick) as cloud:
        cloud.caller.get("/model/id")
        (hung,) = cloud.instances
        cloud.call(cloud.engine.send(hung.process, signal.SIGSTOP))
        end = time.monotonic() + 10
        while hung.process.returncode is None and time.monotonic() < end:
            time.sleep(0.05)

        assert hung.events == ["liveness failed"]
        assert cloud.caller.get("/model/id").status == 200
        assert cloud.instances != [hung]


def test_the_log_is_cloud_loggings(running: Any, pipeline: Path, applied: Any) -> None:
    (instance,) = running.instances
    running.caller.post("/model/score", b"{", **{"x-request-id": "for-the-log"})
    end = time.monotonic() + 5
    found: list[Any] = []
    while not found and time.monotonic() < end:
        time.sleep(0.05)
        found = [line for line in instance.lines() if line.get("id") == "for-the-log"]

    (line,) = found
    assert (line["severity"], line["httpRequest"]["status"], line["code"]) == (
        "WARNING",
        400,
        "malformed_json",
    )
    trace = line["logging.googleapis.com/trace"]
    assert trace.startswith("projects/my-project-123/traces/")
    assert len(trace.rpartition("/")[2]) == 32
    labels = {"service": applied.outputs["name"], "revision": instance.revision.name}
    assert line["logging.googleapis.com/labels"] == labels
    assert all(line.startswith("{") for line in instance.log), "every line is one entry"
    assert applied.outputs["api_key"] not in "\n".join(instance.log)


def test_the_metrics_name_the_revision(running: Any) -> None:
    text = running.caller.get("/metrics").body.decode()

    assert f'revision="{running.instances[0].revision.name}"' in text


def test_bigquerys_batches_are_answered(running: Any, pipeline: Path) -> None:
    scorer = scoring.load(pipeline)
    sample = json.loads(contract.sample_request(scorer))
    row = dict(zip(sample["fields"], sample["rows"][0], strict=True))
    batch = {"requestId": "1", "caller": "//bigquery", "calls": [[row], [json.dumps(row)], [None]]}
    expected = json.loads(contract.answer(scorer, json.dumps(sample).encode()))

    got = running.caller.post("/warehouse/bigquery", json.dumps(batch).encode())
    wrong = running.caller.post("/warehouse/bigquery", json.dumps({"calls": [[1, 2]]}).encode())

    assert got.status == 200
    first, second, nothing = got.json["replies"]
    assert (list(first), nothing) == (expected["fields"], None)
    assert [repr(value) for value in first.values()] == [repr(float(text)) for text in expected["score"][0]]
    assert first == second
    assert (wrong.status, list(wrong.json)) == (400, ["errorMessage"])
