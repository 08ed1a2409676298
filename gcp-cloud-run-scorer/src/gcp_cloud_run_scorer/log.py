"""The log as Cloud Logging reads it: severity, request, trace and labels where it looks for them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.form import Line, iso

_ERRORS: Final = frozenset({"artifact_refused", "defect", "keys_refused"})


def on_cloud_run(environ: Mapping[str, str]) -> bool:
    """Whether Cloud Run, or what stands in for it, started this process."""
    return bool(environ.get("K_SERVICE"))


def form(environ: Mapping[str, str]) -> "CloudForm | None":
    """Return the form of the log's lines; None, the server's own, on a host that is not Cloud Run."""
    if not on_cloud_run(environ):
        return None
    names = ("GOOGLE_CLOUD_PROJECT", "K_SERVICE", "K_REVISION")
    return CloudForm(*(environ.get(name, "") for name in names))


def severe(environ: Mapping[str, str], text: str) -> str:
    """Return the line that says why nothing can be served."""
    made = form(environ)
    return f"Error: {text}" if made is None else made.line(time.time(), "CRITICAL", text, {})


@dataclass(frozen=True)
class CloudForm:
    """Lines of JSON with the special fields of Cloud Logging's agents.

    Cloud Run itself logs each request; a line of ours with the same trace is shown below that one.
    """

    project: str
    service: str
    revision: str
    tail: str = field(init=False, repr=False)
    traces: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        labels = json.dumps({"service": self.service, "revision": self.revision})
        object.__setattr__(self, "tail", f',"logging.googleapis.com/labels":{labels}')
        object.__setattr__(self, "traces", f"projects/{self.project}/traces/" if self.project else "")

    def request(self, line: Line) -> str:
        """Return the line about a request: WARNING for 4xx, ERROR for 5xx."""
        when, request_id, trace, method, route, status, size, sent, rows, taken, engine, digest, key, code = (
            line
        )
        severity = "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR"
        more = f',"logging.googleapis.com/trace":"{self.traces}{trace}"' if trace else ""
        if key:
            more += f',"key":"{key}"'
        if code:
            more += f',"code":"{code}"'
        # None of the texts has a character that JSON would escape: all were checked, or are our own.
        return (
            f'{{"severity":"{severity}","time":"{iso(when)}","message":"{method} {route} {status}",'
            f'"httpRequest":{{"requestMethod":"{method}","requestUrl":"{route}","requestSize":"{size}",'
            f'"status":{status},"responseSize":"{sent}","latency":"{taken:.6f}s"}},"event":"request",'
            f'"id":"{request_id}","rows":{rows},"engine_ms":{engine * 1e3:.3f},"digest":"{digest}"'
            f"{more}{self.tail}}}"
        )

    def event(self, when: float, name: str, members: Mapping[str, Any]) -> str:
        """Return the line about an event."""
        return self.line(when, "ERROR" if name in _ERRORS else "INFO", name, {"event": name, **members})

    def line(self, when: float, severity: str, message: str, members: Mapping[str, Any]) -> str:
        """Return a line; `members` become fields of its payload, beside what Cloud Logging takes out."""
        head = {"severity": severity, "time": iso(when), "message": message, **members}
        return f"{json.dumps(head, ensure_ascii=False, separators=(',', ':'))[:-1]}{self.tail}}}"
