"""What every route answers, within this process."""

import asyncio
import json
import time
from pathlib import Path

import pytest
import scoring
from scoring import contract
from server import keys


@pytest.fixture
def scorer(artifacts):
    return scoring.load(artifacts[0])


def test_scores_are_those_of_the_contract(make, tools, scorer, request_body):
    got = tools.fetch(make(), "POST", "/model/score", request_body)
    assert (got.status, got.body) == (200, contract.answer(scorer, request_body))


def test_large_bodies_and_contributions_are_answered_from_threads(make, tools, scorer):
    app, large = make(), tools.body_of(500)
    assert tools.fetch(app, "POST", "/model/score", large).body == contract.answer(scorer, large)
    wish = json.dumps(json.loads(tools.body_of(2)) | {"requestShapleyValueType": "ORIGINAL"}).encode()
    assert tools.fetch(app, "POST", "/model/contribution", wish).body == contract.contribution(scorer, wish)
    assert tools.fetch(app, "POST", "/model/score", wish).body == contract.answer(scorer, wish)
    assert set(app.desk.at_work.values()) == {0}


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/model/schema", contract.schema),
        ("/model/sample_request", contract.sample_request),
        ("/model/sample_contribution_request", contract.sample_contribution_request),
        ("/model/capabilities", contract.capabilities),
        ("/model/id", lambda scorer: scorer.id.encode()),
    ],
)
def test_the_card(make, tools, scorer, route, body):
    got = tools.fetch(make(), "GET", route)
    assert (got.status, got.body) == (200, body(scorer))


def test_every_answer_names_the_pipeline_and_the_request(make, tools, scorer):
    app = make()
    for method, route in (("GET", "/livez"), ("GET", "/nowhere"), ("POST", "/model/score")):
        got = tools.fetch(app, method, route, headers={"x-request-id": "abc-1"})
        assert got.headers["x-pipeline-id"] == scorer.id
        assert got.headers["x-pipeline-digest"] == scorer.digest
        assert got.headers["x-request-id"] == "abc-1"


def test_insane_request_ids_are_replaced_and_fresh_ones_differ(make, tools):
    app = make()
    given = ["a b", "x" * 129, "\u00e9", "", '"']
    found = [
        tools.fetch(app, "GET", "/livez", headers={"x-request-id": text}).headers["x-request-id"]
        for text in given
    ]
    assert len(set(found)) == len(given)
    assert not set(found) & set(given)


def test_a_missed_route_names_the_nearest_and_a_wrong_method_those_allowed(make, tools):
    app = make()
    missed = tools.fetch(app, "POST", "/model/scores")
    assert (missed.status, missed.json["code"]) == (404, "not_found")
    assert "/model/score?" in missed.json["hint"]
    wrong = tools.fetch(app, "DELETE", "/model/schema")
    assert (wrong.status, wrong.json["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD"
    assert tools.fetch(app, "POST", "/model/media-score").status == 501
    assert tools.fetch(app, "POST", "/admin/reload").status == 404  # there are no admin keys


def test_a_defect_is_a_problem_and_its_text_stays_out_of_the_log(make, tools, tmp_path):
    app = make()

    async def broken(_call):
        raise RuntimeError("secret cell 4711")

    route, _ = app._router.find("GET", "/model/id")
    app._router._fixed["/model/id"]["GET"] = type(route)("GET", "/model/id", broken, "light")
    got = tools.fetch(app, "GET", "/model/id")
    assert (got.status, got.json["code"]) == (500, "internal_error")
    app.close()
    log = (tmp_path / "log").read_text()
    assert "RuntimeError" in log
    assert "4711" not in log


def test_the_log_has_ids_and_sizes_and_no_value(make, tools, tmp_path, request_body):
    app = make()
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "r1"}
    got = tools.fetch(app, "POST", "/model/score", request_body, headers=headers)
    app.close()
    text = (tmp_path / "log").read_text()
    line = next(event for event in map(json.loads, text.splitlines()) if event["event"] == "request")
    assert {line[name] for name in ("id", "trace", "route")} == {"r1", trace, "/model/score"}
    assert (line["status"], line["rows"], line["bytes_in"]) == (200, 3, len(request_body))
    assert line["bytes_out"] == len(got.body)
    assert 0 < line["engine_ms"] <= line["ms"]
    for row in json.loads(request_body)["rows"]:
        assert not any(cell in text for cell in row)


def test_metrics_count_requests_rows_errors_and_times(make, tools, request_body, scorer):
    app = make()
    for _ in range(3):
        tools.fetch(app, "POST", "/model/score", request_body)
    tools.fetch(app, "POST", "/model/score", b"{")
    text = tools.fetch(app, "GET", "/metrics").body.decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values['scorer_requests_total{route="/model/score",code="200"}'] == "3"
    assert values['scorer_requests_total{route="/model/score",code="400"}'] == "1"
    assert values["scorer_rows_total"] == "9"
    assert values['scorer_request_duration_seconds_count{route="/model/score"}'] == "4"
    assert values['scorer_request_duration_seconds_bucket{route="/model/score",le="+Inf"}'] == "4"
    assert values['scorer_engine_duration_seconds_count{route="/model/score"}'] == "3"
    assert values["scorer_in_flight"] == "1"  # the one that asks
    assert values[f'scorer_pipeline_info{{id="{scorer.id}",digest="{scorer.digest}",name="demo-0"}}'] == "1"
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert all(any(key.startswith(name) for name in names) for key in values)


def test_keys_are_wanted_as_header_or_bearer_and_change_without_a_restart(make, tools, tmp_path):
    file = tmp_path / "keys"
    (one, first), (two, second) = keys.new("one"), keys.new("two")
    file.write_text(first)
    app = make(keys=file, watch_seconds=0.02)

    def status(route="/model/id", **headers):
        return tools.fetch(
            app, "GET", route, headers={name.replace("_", "-"): text for name, text in headers.items()}
        ).status

    assert [status(), status(x_api_key="sk-wrong"), status(x_api_key=one)] == [401, 401, 200]
    assert [status(authorization=f"Bearer {one}"), status(authorization=f"Basic {one}")] == [200, 401]
    assert [status("/livez"), status("/readyz"), status("/metrics")] == [200, 200, 401]
    file.write_text(second)
    until(lambda: status(x_api_key=two) == 200)
    assert status(x_api_key=one) == 401
    file.write_text("two nonsense\n")
    time.sleep(0.1)
    file.unlink()
    time.sleep(0.1)
    assert [status(), status(x_api_key=two)] == [401, 200]  # a broken or lost file opens no door
    assert "keys_refused" in log_after(app, tmp_path)


def test_admin_routes_want_admin_keys(make, tools, tmp_path):
    (api, api_line), (admin, admin_line) = keys.new("api"), keys.new("admin")
    (tmp_path / "api").write_text(api_line)
    (tmp_path / "admin").write_text(admin_line)
    app = make(keys=tmp_path / "api", admin_keys=tmp_path / "admin")
    found = [
        tools.fetch(app, "POST", "/admin/reload", headers={"x-api-key": key}).status for key in (api, admin)
    ]
    assert found == [401, 200]
    assert tools.fetch(app, "POST", "/model/score", headers={"x-api-key": admin}).status == 401


def test_files_are_scored_below_the_directory_only(make, tools, scorer, tmp_path, request_body):
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "rows.json").write_bytes(request_body)
    (folder / "rows.csv").write_text("a,b,c,d\n1,2,3,4\n")
    (tmp_path / "secret.json").write_bytes(request_body)
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    app = make(data_dir=folder)

    def get(name):
        return tools.fetch(app, "GET", f"/model/score?file={name}")

    assert get("deep/rows.json").body == contract.answer(scorer, request_body)
    assert get("rows.csv").status == 200
    hidden = [
        get(name)
        for name in ("../secret.json", str(tmp_path / "secret.json"), "link.json", "none", "deep", "%00")
    ]
    assert {got.status for got in hidden[:5]} == {404}
    assert len({got.body for got in hidden[:5]}) == 1  # which tells nobody what there is
    assert hidden[5].status == 422
    assert tools.fetch(make(), "GET", "/model/score?file=rows.csv").status == 404


def test_readiness_ends_with_the_first_sign_of_the_end(make, tools):
    app = make()
    assert tools.fetch(app, "GET", "/readyz").status == 200
    app.draining = True
    got = tools.fetch(app, "GET", "/readyz")
    assert (got.status, got.json["code"]) == (503, "not_ready")
    assert tools.fetch(app, "GET", "/model/id").status == 200
    app.closing = True
    assert tools.fetch(app, "GET", "/model/id").status == 503
    assert tools.fetch(app, "GET", "/livez").status == 200


def until(condition) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def log_after(app, folder: Path) -> str:
    app.close()
    return (folder / "log").read_text()


def test_an_app_lives_through_a_lifespan(live, tools, tmp_path):
    from server import Settings, make_app

    async def live_once(path):
        app = make_app(Settings(path, access_log=tmp_path / "log"))
        inbox, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

        async def receive():
            return inbox.pop(0)

        async def send(message):
            sent.append(message["type"])
            if message["type"] == "lifespan.startup.complete":
                assert (await tools.ask(app, "GET", "/readyz")).status == 200

        await app({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(live_once(live)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    live.write_bytes(b"garbage")
    assert asyncio.run(live_once(live)) == ["lifespan.startup.failed"]
