"""Under a storm of large requests most are turned away at the door: cheaply, in order, and nobody else is."""

import json
import threading
import time

import scoring
from scoring import contract
from server.door import Door

NARROW = (
    "from pathlib import Path; import sys; from server.launch import run; "
    "from server.settings import Capacity, Settings; "
    "raise SystemExit(run(Settings(Path(sys.argv[1]), port=0, workers=1, "
    "capacity=Capacity(scores=3, inline_bytes=3000))))"
)


def test_it_is_shut_for_large_bodies_only():
    door = Door(2)
    large, small = {b"content-length": b"5000"}, {b"content-length": b"300"}
    door.refuse = lambda _: b""
    assert not door.shut(large)
    door.waiting = 2
    assert door.shut(large)
    assert not door.shut(small)
    assert not door.shut({})
    assert not door.shut({b"content-length": b"-1"})
    assert not door.shut({**large, b"expect": b"100-continue"})
    door.refuse = None
    assert not door.shut(large)


def test_a_storm_is_turned_away_and_the_rest_is_right(serve, tools, artifacts):
    serving = serve(program=("-c", NARROW))
    large, small = tools.body_of(2000), tools.body_of(1)
    expected = contract.answer(scoring.load(artifacts[0]), large)
    found: list[tuple[int, dict[str, str], bytes]] = []
    lost: list[BaseException] = []

    def ask() -> None:
        connection = serving.connect()
        try:
            for number in range(20):
                got = tools.exchange(connection, "POST", "/model/score", large, x_request_id=f"r{number}")
                found.append((got.status, got.headers, got.body))
                assert got.headers["x-request-id"] == f"r{number}"
        except BaseException as error:  # noqa: BLE001 -- a thread's failure is the test's
            lost.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    for _ in range(5):  # what is small, or an operator's, gets in all the same
        assert serving.get("GET", "/livez").status == 200
        assert serving.get("POST", "/model/score", small).status in (200, 429)
    for thread in threads:
        thread.join()
    assert not lost
    statuses = {status for status, _, _ in found}
    assert statuses == {200, 429}, statuses
    for status, headers, body in found:
        assert headers["x-pipeline-digest"] == scoring.load(artifacts[0]).digest
        if status == 200:
            assert body == expected
        else:
            assert json.loads(body)["code"] == "too_many_requests"
            assert headers["retry-after"] == "1"
    assert serving.get("POST", "/model/score", large).body == expected  # the door is open again
    refused = sum(status == 429 for status, _, _ in found)
    text = serving.get("GET", "/metrics").body.decode()
    shed = next(line for line in text.splitlines() if line.startswith("scorer_shed_total "))
    assert int(shed.split()[1]) >= refused
    time.sleep(0.6)
    assert serving.stop() == 0
    assert sum(event["count"] for event in serving.events("turned_away")) > 0
    assert not serving.events("defect")


def test_clients_that_leave_do_not_keep_the_door_shut(serve, tools):
    serving = serve(program=("-c", NARROW))
    large = tools.body_of(4000)
    head = f"POST /model/score HTTP/1.1\r\nhost: x\r\ncontent-length: {len(large)}\r\n\r\n".encode()
    for _ in range(20):
        serving.raw(head + large).close()
    end = time.monotonic() + 10
    while serving.get("POST", "/model/score", large).status != 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert serving.stop() == 0
