"""What goes wrong between the function and its bucket: a clear problem each time, and then it works again."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 70
RETRY_S = 1.2  # the handler answers with the same problem for a second before it tries again


def _problem(service: Any, code: str) -> dict[str, Any]:
    got = service.score()
    assert got.status == 503, got.body
    document: dict[str, Any] = got.json
    assert document["code"] == code
    assert document["hint"]
    assert b"Traceback" not in got.body
    assert service.send("GET", "/livez").status == 200
    assert service.send("GET", "/readyz").status == 503
    return document


def _works(service: Any) -> None:
    got = service.score()
    assert (got.status, got.body) == (200, service.scorer.score_json(service.request))


def _runtimes(version: str) -> list[int]:
    """Give the process ids of a version's own Pythons, as this host numbers them."""
    wanted = f"\0AWS_LAMBDA_FUNCTION_VERSION={version}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue  # it has ended
        if command.startswith(b"/var/lang/bin/") and wanted in b"\0" + environment:
            found.append(int(folder.name))
    return found


def test_an_artifact_with_another_digest_is_refused(service: Any) -> None:
    with service.fresh(PIPELINE_DIGEST="0" * 64):
        _problem(service, "artifact_tampered")
    _works(service)


def test_a_missing_object(service: Any) -> None:
    with service.fresh(PIPELINE_URI="s3://the-users-bucket/cooler-lambda/none.pipeline"):
        document = _problem(service, "artifact_missing")
        assert "none.pipeline" in document["detail"]
    _works(service)


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [(403, "AccessDenied", "artifact_denied"), (503, "SlowDown", "artifact_unreachable")],
    ids=["denied", "throttled for long"],
)
def test_s3_says_no_and_then_yes(service: Any, status: int, name: str, code: str) -> None:
    with service.fresh():
        with service.cloud.faults.fault(".pipeline", status=status, code=name) as fault:
            _problem(service, code)
        assert fault.count >= 1
        time.sleep(RETRY_S)

        _works(service)  # the same sandbox: nothing was started anew


def test_a_short_throttling_is_not_noticed(service: Any) -> None:
    with (
        service.fresh(),
        service.cloud.faults.fault(".pipeline", status=503, code="SlowDown", times=2) as fault,
    ):
        _works(service)
    assert fault.count == 2


def test_damage_on_the_way_is_noticed(service: Any) -> None:
    def flipped(content: bytes) -> bytes:
        return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]

    with service.fresh():
        with service.cloud.faults.fault(".pipeline", damage=flipped):
            _problem(service, "artifact_tampered")
        time.sleep(RETRY_S)
        _works(service)


def test_a_function_killed_in_the_middle_and_the_alarm(service: Any) -> None:
    alarms = service.cloud.client("cloudwatch")
    with service.fresh() as version:
        waiting = service.cloud.faults.fault(".pipeline", hold=threading.Event())
        with waiting as fault, ThreadPoolExecutor(1) as pool:
            pending = pool.submit(service.score)
            assert fault.seen.wait(30)
            for pid in _runtimes(version):
                os.kill(pid, signal.SIGKILL)
            got = pending.result(60)
        assert got.status == 502
        assert b"Traceback" not in got.body
        _works(service)
    _works(service)

    end = time.monotonic() + PATIENCE_S
    state = ""
    while state != "ALARM" and time.monotonic() < end:
        found = alarms.describe_alarms(AlarmNames=["cooler-lambda-errors"])["MetricAlarms"]
        state = found[0]["StateValue"]
        time.sleep(1)
    assert state == "ALARM"


def test_a_killed_runtime_starts_again_without_the_bucket(service: Any) -> None:
    with service.fresh() as version, service.cloud.faults.fault(".pipeline") as fault:
        _works(service)
        fetched = fault.count
        for pid in _runtimes(version):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
        statuses = [service.score().status for _ in range(2)]
        _works(service)

    assert fetched == 1
    assert fault.count == fetched, "the artifact is kept in /tmp, which outlives the process"
    assert statuses[-1] == 200
