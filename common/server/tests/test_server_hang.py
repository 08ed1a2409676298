"""Workers that hang are replaced, work that nobody waits for is dropped, and a port has one server."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from server.beat import Beat, silence
from server.call import Body, Call, ClientGone
from server.settings import Capacity
from server.work import Desk

HASTY = (
    "from pathlib import Path; import sys; from server.launch import run; "
    "from server.settings import Settings; "
    "raise SystemExit(run(Settings(Path(sys.argv[1]), port=0, workers=2, hang_seconds=1.5)))"
)


def test_a_beat_is_heard_and_silence_is_measured(tmp_path: Path):
    assert silence(tmp_path) is None
    first, second = Beat(tmp_path, 0, 2), Beat(tmp_path, 1, 2)
    assert silence(tmp_path) is None
    assert first.silence() == 0.0
    second.strike()
    time.sleep(0.05)
    assert 0.05 <= second.silence() < 5
    assert silence(tmp_path) == pytest.approx(second.silence(), abs=0.05)
    second.rest()
    assert silence(tmp_path) is None
    first.close()
    second.close()


def test_a_worker_that_hangs_is_replaced(serve, request_body):
    serving = serve(workers=2, program=("-c", HASTY))
    pids = {event["pid"] for event in serving.events("listening")}
    hung = min(pids)
    os.kill(hung, signal.SIGSTOP)
    end = time.monotonic() + 20
    while len(serving.events("listening")) < 3:
        assert time.monotonic() < end, serving.log.read_text()
        time.sleep(0.1)
    assert f"worker {hung} has not turned" in serving.log.read_text()
    assert not Path(f"/proc/{hung}").exists()
    for _ in range(20):
        assert serving.get("POST", "/model/score", request_body).status == 200
    assert len(serving.events("listening")) == 3  # the other one was left alone
    assert serving.stop() == 0


def test_two_servers_do_not_share_a_port(serve, live):
    serving = serve(workers=2)
    second = subprocess.run(
        [sys.executable, "-m", "server", str(live), "--port", str(serving.port), "--workers", "2"],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert second.returncode == 1
    assert "cannot be had" in second.stderr
    assert serving.stop() == 0


def test_work_that_waits_is_dropped_when_its_client_leaves():
    release, ran = threading.Event(), []

    async def clients() -> tuple[object, object]:
        desk = Desk(Capacity(), threads=1)
        left = asyncio.Event()

        def call(leaves: bool) -> Call:
            messages = [{"type": "http.request", "body": b"x" * 40_000}]

            async def receive() -> dict[str, object]:
                if messages:
                    return messages.pop()
                await (left.wait() if leaves else asyncio.sleep(60))
                return {"type": "http.disconnect"}

            return Call("POST", "/model/score", {}, {}, Body(receive, 1 << 20), None, "r", desk)  # type: ignore[arg-type]

        stays, leaves = call(False), call(True)
        for one in (stays, leaves):
            await one.read()
        first = asyncio.create_task(stays.run(lambda: (release.wait(20), ran.append("stays"))))
        second = asyncio.create_task(leaves.run(ran.append, "leaves"))
        await asyncio.sleep(0.1)
        left.set()
        gone = (await asyncio.wait_for(asyncio.gather(second, return_exceptions=True), 10))[0]
        release.set()
        await first
        for one in (stays, leaves):
            desk.release(one)
        with ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, time.sleep, 0.1)
        desk.close()
        return gone, desk.at_work["score"]

    gone, at_work = asyncio.run(clients())
    assert isinstance(gone, ClientGone)
    assert ran == ["stays"]
    assert at_work == 0


@pytest.mark.parametrize("route", ["/model/score", "/model/contribution"])
@pytest.mark.parametrize("headers", [{}, {"accept": "text/csv"}])
def test_options_of_the_query_are_refused_beside_a_json_body(make, tools, request_body, route, headers):
    got = tools.fetch(make(), "POST", f"{route}?include=a&contributions=original", request_body, headers)
    assert (got.status, got.json["code"]) == (422, "invalid_request")
    assert {error["field"] for error in got.json["errors"]} == {"include", "contributions"}
    assert "includeFieldsInOutput" in got.body.decode()


def test_a_lenient_server_ignores_them(make, tools, request_body):
    from scoring.settings import Settings as Contract

    app = make(contract=Contract(lenient=True))
    assert tools.fetch(app, "POST", "/model/score?include=a", request_body).status == 200
