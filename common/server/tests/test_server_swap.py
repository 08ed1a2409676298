"""One scoring pipeline takes the place of another."""

import asyncio
import json
import time

import pytest
import scoring
from scoring import contract
from scoring.problem import Problem
from server.log import Log
from server.shelf import shelf
from server.stand import Stand


@pytest.fixture
def digests(artifacts):
    return [scoring.load(data).digest for data in artifacts]


def test_a_new_artifact_is_taken_up_and_can_be_rolled_back(make, live, artifacts, digests):
    stand = make().stand
    assert stand.reload().digest == digests[0]
    live.write_bytes(artifacts[1])
    assert stand.reload().digest == stand.current.digest == digests[1]
    assert stand.rollback().digest == digests[0]
    stand.follow()
    assert stand.current.digest == digests[0]  # what was rolled back does not come again by itself
    assert stand.rollback().digest == digests[1]
    assert stand.rollback().digest == digests[0]
    assert stand.reload().digest == digests[1]  # but when it is asked for


def test_there_may_be_nothing_to_go_back_to(make):
    with pytest.raises(Problem, match="Nothing was served before"):
        make().stand.rollback()


def test_a_bad_artifact_never_takes_the_place_of_a_good_one(make, live, artifacts, digests, tmp_path):
    app = make()
    flipped = bytearray(artifacts[1])
    flipped[len(flipped) // 2] ^= 1
    for bad in (b"", b"garbage", artifacts[1][:-30], bytes(flipped)):
        live.write_bytes(bad)
        with pytest.raises(Problem):
            app.stand.reload()
        app.stand.follow()
        assert app.stand.current.digest == digests[0]
    live.unlink()
    app.stand.follow()
    with pytest.raises(Problem, match="cannot be read"):
        app.stand.reload()
    live.write_bytes(artifacts[1])
    app.stand.follow()
    assert app.stand.current.digest == digests[1]
    app.close()
    assert "artifact_refused" in (tmp_path / "log").read_text()


def test_workers_agree_and_a_new_worker_takes_what_is_agreed_on(live, artifacts, digests, tmp_path):
    log = Log(tmp_path / "log")
    settings = scoring.settings.Settings()
    with shelf() as place:
        first, second = (Stand(live, settings, place, log) for _ in range(2))
        live.write_bytes(artifacts[1])
        second.follow()
        first.follow()
        assert first.current.digest == second.current.digest == digests[1]
        first.rollback()
        second.follow()
        third = Stand(live, settings, place, log)
        assert {stand.current.digest for stand in (first, second, third)} == {digests[0]}
        live.write_bytes(b"garbage")
        for stand in (first, second, third):
            stand.follow()
        fourth = Stand(live, settings, place, log)
        assert fourth.current.digest == digests[0]
    assert not place.folder.exists()
    log.close()


def test_directories_of_killed_servers_are_removed_and_those_of_others_are_not():
    with shelf() as first:
        left = first.folder.with_name(f"{first.folder.name}-left")
        left.mkdir()
        (left / "alive").touch()
        link = first.folder.with_name(f"{first.folder.name}-link")
        link.symlink_to(first.folder)
        with shelf():
            link.unlink()  # which the sweep left alone
            assert first.folder.exists()
            assert not left.exists()


def test_a_request_keeps_the_pipeline_that_it_began_with(make, live, artifacts, digests, tools):
    app, body = make(), tools.body_of(2)
    held = asyncio.Event

    async def slow_request():
        go, got = held(), []
        pieces = [body[:10], body[10:]]

        async def receive():
            if len(pieces) == 1:
                await go.wait()
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message):
            got.append(message)

        scope = {"type": "http", "method": "POST", "path": "/model/score", "query_string": b"", "headers": []}
        task = asyncio.create_task(app(scope, receive, send))
        await asyncio.sleep(0.01)
        live.write_bytes(artifacts[1])
        app.stand.reload()
        go.set()
        await task
        return got

    start, content = asyncio.run(slow_request())
    assert dict(start["headers"])[b"x-pipeline-digest"] == digests[0].encode()
    assert content["body"] == contract.answer(scoring.load(artifacts[0]), body)
    assert tools.fetch(app, "POST", "/model/score", body).headers["x-pipeline-digest"] == digests[1]


def test_the_watch_swaps_and_the_admin_routes_answer(make, live, artifacts, digests, tools, tmp_path):
    from server import keys

    admin, line = keys.new("admin")
    (tmp_path / "admin").write_text(line)
    app = make(watch_seconds=0.02, admin_keys=tmp_path / "admin")
    live.write_bytes(artifacts[1])
    end = time.monotonic() + 5
    while app.stand.current.digest != digests[1]:
        assert time.monotonic() < end
        time.sleep(0.01)
    headers = {"x-api-key": admin}
    back = tools.fetch(app, "POST", "/admin/rollback", headers=headers)
    assert (back.status, back.json["digest"]) == (200, digests[0])
    live.write_bytes(b"garbage")
    refused = tools.fetch(app, "POST", "/admin/reload", headers=headers)
    assert refused.status == 503
    assert json.loads(refused.body)["code"].startswith("artifact")
    assert tools.fetch(app, "GET", "/model/id").headers["x-pipeline-digest"] == digests[0]
