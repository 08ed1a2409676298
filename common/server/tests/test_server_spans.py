"""Requests are told of to an OpenTelemetry collector, if one is named: a real one of a few lines, here."""

import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import scoring
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from server import spans

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """Takes spans over OTLP/HTTP, as collectors do."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, ExportTraceServiceRequest, str | None]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.headers["content-type"] == "application/x-protobuf"
                told = ExportTraceServiceRequest.FromString(body)
                collector.requests.append((self.path, told, self.headers["x-tenant"]))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def spans(self) -> list[Any]:
        groups = [group for _, told, _ in self.requests for group in told.resource_spans]
        return [span for group in groups for scope in group.scope_spans for span in scope.spans]

    def wait(self, count: int) -> list[Any]:
        end = time.monotonic() + 15
        while len(self.spans()) < count:
            assert time.monotonic() < end, self.requests
            time.sleep(0.05)
        return self.spans()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=one")
    yield made
    made.close()


def told(span: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}


def test_each_request_is_a_span_and_no_cell_gets_there(serve, tools, collector, artifacts, request_body):
    serving = serve()
    begun = time.time_ns()
    assert (
        serving.get("POST", "/model/score", tools.body_of(1), traceparent=PARENT).status == 200
    )  # the lane's
    assert (
        serving.get("POST", "/model/score", tools.body_of(300), tracestate="a=b").status == 200
    )  # the app's
    assert serving.get("POST", "/model/score", request_body.replace(b'"-', b'"secret')).status == 422
    assert serving.get("GET", "/nowhere/secret").status == 404
    assert serving.get("GET", "/readyz").status == 200
    found = {(span.name, told(span)["scorer.rows"]): span for span in collector.wait(4)}
    assert serving.stop() == 0
    assert len(collector.spans()) == 4  # none of the probe
    first = found["POST /model/score", 1]
    assert first.trace_id.hex() == PARENT[3:35]
    assert first.parent_span_id.hex() == PARENT[36:52]
    assert first.kind == first.SPAN_KIND_SERVER
    assert begun < first.start_time_unix_nano < first.end_time_unix_nano < time.time_ns()
    attributes = told(first)
    assert attributes["http.request.method"] == "POST"
    assert attributes["http.route"] == "/model/score"
    assert attributes["http.response.status_code"] == 200
    assert attributes["scorer.pipeline.digest"] == scoring.load(artifacts[0]).digest
    assert 0 < attributes["scorer.engine.seconds"] < 1
    noted = {event["id"] for event in serving.events("request")}
    assert attributes["scorer.request.id"] in noted
    assert not found["POST /model/score", 300].parent_span_id
    assert told(found["POST /model/score", 0])["error.type"] == "invalid_request"
    assert told(found["GET none", 0])["http.response.status_code"] == 404
    for path, sent, tenant in collector.requests:
        assert (path, tenant) == ("/v1/traces", "one")
        assert b"secret" not in sent.SerializeToString()
        (group,) = sent.resource_spans
        assert {pair.key: pair.value.string_value for pair in group.resource.attributes}["service.name"] == (
            "scorer"
        )


def test_callers_and_variables_say_which_requests_are_told_of(serve, tools, collector, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "cooler")
    serving = serve()
    assert serving.get("POST", "/model/score", tools.body_of(1)).status == 200
    assert serving.get("POST", "/model/score", tools.body_of(1), traceparent=PARENT).status == 200
    (span,) = collector.wait(1)
    assert span.trace_id.hex() == PARENT[3:35]
    assert serving.stop() == 0
    assert len(collector.spans()) == 1
    (pair,) = [
        pair
        for _, sent, _ in collector.requests
        for pair in sent.resource_spans[0].resource.attributes
        if pair.key == "service.name"
    ]
    assert pair.value.string_value == "cooler"


def test_what_waits_is_sent_at_the_end(serve, tools, collector, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    serving = serve()
    assert serving.get("POST", "/model/score", tools.body_of(1)).status == 200
    assert not collector.spans()
    assert serving.stop() == 0
    assert len(collector.spans()) == 1


def test_a_collector_that_is_not_there_disturbs_nobody(serve, tools, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    serving = serve()
    for _ in range(5):
        assert serving.get("POST", "/model/score", tools.body_of(1)).status == 200
    end = time.monotonic() + 10
    while not serving.events("spans_failed"):
        assert time.monotonic() < end, serving.log.read_text()
        time.sleep(0.05)
    begun = time.monotonic()
    assert serving.stop() == 0
    assert time.monotonic() - begun < 6
    assert "secret" not in serving.log.read_text()
    assert not serving.events("defect")


def test_without_the_package_the_server_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(scoring.Problem) as caught:
        make(spans=True)
    assert caught.value.code == "package_missing"
    assert "opentelemetry.sdk.trace" in caught.value.detail
    assert "pip install 'scoring-server[otel]'" in caught.value.hint


def test_variables_ask_for_spans():
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert not spans.wanted({})
    assert not spans.wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": " "})
    assert spans.wanted(endpoint)
    assert spans.wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"})
    assert not spans.wanted(endpoint | {"OTEL_SDK_DISABLED": "true"})
    assert not spans.wanted(endpoint | {"OTEL_TRACES_EXPORTER": "none"})
