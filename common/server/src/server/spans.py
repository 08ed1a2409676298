"""Spans: requests as OpenTelemetry tells of them, sent to a collector in batches. Needs the extra `otel`.

The variables of OpenTelemetry apply: `OTEL_EXPORTER_OTLP_ENDPOINT` (without it there are no spans),
`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and all
the others. A span has what the log has: never the value of a cell. Metrics stay with Prometheus.
"""

import logging
import os
import threading
from collections.abc import Mapping
from time import time_ns
from typing import Any, Final

from scoring.problem import Problem

from server.log import Log

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SILENT: Final = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics"})
"""Routes that are asked again and again by machines; a span of each would be noise."""

_FAREWELL: Final = 2.0


def wanted(environ: Mapping[str, str]) -> bool:
    """Tell whether variables of OpenTelemetry ask for spans."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return False
    return any(environ.get(name, "").strip() for name in _ENDPOINTS)


class Spans:
    """The spans of one worker; a thread of OpenTelemetry's sends them."""

    def __init__(self, log: Log) -> None:
        """Begin; raises Problem if the packages are not here."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace import SpanKind, Status, StatusCode
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            detail = f"Spans are asked for, but the package {error.name} is not here."
            hint = "Run: pip install 'scoring-server[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT."
            raise Problem("package_missing", 503, detail, hint) from None
        named = "OTEL_SERVICE_NAME" in os.environ or "service.name" in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        _listen(log)
        self._exporter = OTLPSpanExporter()
        self._processor = BatchSpanProcessor(self._exporter)
        provider = TracerProvider(
            resource=Resource.create({} if named else {"service.name": "scorer"}), shutdown_on_exit=False
        )
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("scoring-server")
        self._parent = TraceContextTextMapPropagator().extract
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)

    def note(self, headers: Mapping[bytes, bytes], route: str, seconds: float, told: dict[str, Any]) -> None:
        """Note a request that took some seconds until now; `told` are the attributes of its span."""
        if route in _SILENT:
            return
        ended = time_ns()
        carried = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        span = self._tracer.start_span(
            f"{told['http.request.method']} {route}",
            self._parent(carried) if carried else None,
            self._kind,
            told,
            start_time=ended - int(seconds * 1e9),
        )
        if told["http.response.status_code"] >= 500:
            span.set_status(self._failed)
        span.end(ended)

    def close(self) -> None:
        """Send what waits, for a short time at most."""
        ending = threading.Thread(target=self._processor.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(_FAREWELL)
        if ending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _listen(log: Log) -> None:
    """Let the log hear what goes wrong: which message, but no details, since an address may hold a secret."""

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log.event("spans_failed", message=str(record.msg))

    logger = logging.getLogger("opentelemetry")
    logger.handlers[:] = [Heard(logging.WARNING)]
    logger.propagate = False
