"""The ledger: what is noted of every request that was answered: in the metrics, in the log, and as a span."""

from collections.abc import Mapping
from time import time

from server.log import Log
from server.metrics import Metrics
from server.spans import Spans
from server.trace import trace_id


class Ledger:
    """The ledger of one worker; without `spans` there are none."""

    def __init__(self, metrics: Metrics, log: Log, spans: Spans | None = None) -> None:
        self._metrics = metrics
        self._log = log
        self._spans = spans

    def begin(self) -> None:
        """Note a request that came."""
        self._metrics.begin()

    def note(
        self,
        headers: Mapping[bytes, bytes],
        request_id: str,
        method: str,
        route: str,
        status: int,
        size: int,
        sent: int,
        rows: int,
        seconds: float,
        engine: float,
        digest: str,
        key: str,
        code: str,
    ) -> None:
        """Note a request that was answered; see `server.form.Line`."""
        self._metrics.end(route, status, seconds, engine, rows, size, sent)
        trace = trace_id(headers.get(b"traceparent"), headers.get(b"x-cloud-trace-context"))
        self._log.request(
            (time(), request_id, trace, method, route, status, size, sent, rows,
             seconds, engine, digest, key, code)
        )  # fmt: skip
        if self._spans is not None:
            told = {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "http.request.body.size": size,
                "http.response.body.size": sent,
                "scorer.rows": rows,
                "scorer.engine.seconds": engine,
                "scorer.pipeline.digest": digest,
                "scorer.request.id": request_id,
            }
            if code:
                told["error.type"] = code
            self._spans.note(headers, route, seconds, told)
