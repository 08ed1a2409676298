"""What is too much, too slow or too many is refused, and the rest is answered."""

import asyncio
import json
import threading

import pytest
from scoring.fault import refusal
from scoring.settings import Limits
from scoring.settings import Settings as Contract
from server.call import Answer
from server.environment import from_environment
from server.route import Route
from server.settings import Capacity, Patience


def test_a_body_over_the_limit_is_refused_by_its_length_and_as_it_comes(make, tools):
    app = make(contract=Contract(Limits(body_bytes=1000)))
    said = tools.fetch(app, "POST", "/model/score", headers={"content-length": "1001"})
    came = tools.fetch(app, "POST", "/model/score", [b"x" * 600, b"x" * 600])
    assert said.status == came.status == 413
    assert said.body == came.body
    assert said.json["code"] == "body_too_large"


def test_rows_and_fields_have_limits(make, tools):
    app = make(contract=Contract(Limits(rows=2, fields=4)))
    assert tools.fetch(app, "POST", "/model/score", tools.body_of(3)).json["code"] == "too_many_rows"
    many = json.dumps({"fields": list("abcde"), "rows": [[1] * 5]}).encode()
    assert tools.fetch(app, "POST", "/model/score", many).json["code"] == "too_many_fields"


def test_more_than_the_capacity_is_shed_at_once_and_scores_go_on_beside_contributions(make, tools):
    app = make(capacity=Capacity(scores=2, contributions=1, threads=1, inline_bytes=4000))
    small, large = tools.body_of(1), tools.body_of(200)
    wish = json.dumps(json.loads(small) | {"requestShapleyValueType": "ORIGINAL"}).encode()
    gate = threading.Event()
    for pool in app.desk._pools.values():
        pool.submit(gate.wait)

    async def storm():
        waiting = [asyncio.create_task(tools.ask(app, "POST", "/model/score", large)) for _ in range(2)]
        waiting.append(asyncio.create_task(tools.ask(app, "POST", "/model/contribution", wish)))
        await asyncio.sleep(0.05)
        shed = [
            await tools.ask(app, "POST", "/model/score", large),
            await tools.ask(app, "POST", "/model/contribution", wish),
            await tools.ask(app, "POST", "/model/score", wish),
        ]
        light = await tools.ask(app, "GET", "/readyz")
        gate.set()
        return shed, light, [await task for task in waiting]

    shed, light, answered = asyncio.run(storm())
    assert [got.status for got in shed] == [429] * 3
    assert {got.headers["retry-after"] for got in shed} == {"1"}
    assert light.status == 200
    assert [got.status for got in answered] == [200] * 3
    assert set(app.desk.at_work.values()) == {0}
    text = tools.fetch(app, "GET", "/metrics").body.decode()
    assert "scorer_shed_total 3" in text


def test_contributions_at_work_do_not_keep_scores_out(make, tools):
    app = make(capacity=Capacity(contributions=1))
    wish = json.dumps(json.loads(tools.body_of(1)) | {"requestShapleyValueType": "ORIGINAL"}).encode()
    gate = threading.Event()
    app.desk._pools["contribution"].submit(gate.wait)

    async def both():
        dear = asyncio.create_task(tools.ask(app, "POST", "/model/contribution", wish))
        await asyncio.sleep(0.02)
        cheap = [await tools.ask(app, "POST", "/model/score", tools.body_of(rows)) for rows in (1, 300)]
        gate.set()
        return [(await dear).status, *(got.status for got in cheap)]

    assert asyncio.run(both()) == [200, 200, 200]


def test_bodies_in_memory_have_a_limit_together(make, tools):
    app = make(capacity=Capacity(buffered_bytes=40_000))
    got = tools.fetch(app, "POST", "/model/score", headers={"content-length": "40001"})
    assert (got.status, got.json["code"]) == (429, "too_many_requests")


def test_a_body_that_does_not_come_is_given_up(make, tools):
    app = make(patience=Patience(body=0.05))

    async def wait():
        async def look():
            while True:
                await asyncio.sleep(0.02)
                app.reading.look(asyncio.get_running_loop().time())

        from time import perf_counter

        task = asyncio.create_task(tools.ask(app, "POST", "/model/score", [b"{", b""]))
        never = asyncio.create_task(tools.ask(app, "POST", "/model/score", []))
        await asyncio.sleep(0.1)
        app.reading.look(perf_counter())
        return await task, await never

    whole, never = asyncio.run(wait())
    assert whole.status == 400
    assert (never.status, never.json["code"]) == (408, "request_timeout")
    assert never.headers["connection"] == "close"
    assert app.reading.buffered() == 0


def test_a_fault_in_the_middle_of_a_stream_leaves_the_answer_without_its_end(make, tools, tmp_path):
    app = make()

    async def stream(_call):
        async def pieces():
            yield b"first"
            raise refusal("invalid_request")

        return Answer(200, "text/csv", pieces())

    async def early(_call):
        async def pieces():
            raise refusal("invalid_request")
            yield b""

        return Answer(200, "text/csv", pieces())

    app._router._fixed["/stream"] = {"GET": Route("GET", "/livez", stream, "light", "open")}
    app._router._fixed["/early"] = {"GET": Route("GET", "/livez", early, "light", "open")}
    got = tools.fetch(app, "GET", "/stream")
    assert (got.status, got.body, got.whole) == (200, b"first", False)
    assert tools.fetch(app, "GET", "/early").status == 422
    app.close()
    log = (tmp_path / "log").read_text()
    assert log.count("invalid_request") == 2
    assert "defect" not in log


def test_the_environment_sets_every_number():
    given = {"SCORER_CAPACITY_SCORES": "3", "SCORER_PATIENCE_BODY": "1.5", "SCORER_DRAIN_SECONDS": "7"}
    found = from_environment({**given, "SCORER_MAX_ROWS": "9"})
    assert found["capacity"] == Capacity(scores=3)
    assert found["patience"] == Patience(body=1.5)
    assert (found["drain_seconds"], found["contract"].limits.rows) == (7.0, 9)
    assert "watch_seconds" not in found
    for name in ("SCORER_CAPACITY_SCORES", "SCORER_PATIENCE_BODY", "SCORER_GRACE_SECONDS"):
        for bad in ("x", "-1", "1e3", "nan"):
            with pytest.raises(ValueError, match=name):
                from_environment({name: bad})
