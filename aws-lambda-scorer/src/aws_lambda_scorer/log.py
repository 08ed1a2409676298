"""The log: one line of JSON for each request, which CloudWatch reads as its metrics too.

No value of a cell gets here: of a request there are its route, ids, sizes and times, of a failure its type
and place. The metrics are in the embedded metric format: the member `_aws` names the members that count.
"""

import json
import os
import re
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

_SANE: Final = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")
_METRICS: Final = (
    ("requests", "Count"),
    ("rows", "Count"),
    ("client_faults", "Count"),
    ("server_faults", "Count"),
    ("cold_starts", "Count"),
    ("ms", "Milliseconds"),
    ("engine_ms", "Milliseconds"),
)


@dataclass(slots=True)
class Line:
    """What is said of one request.

    Attributes:
        kind: How it came: http, direct, batch, queue, warehouse or unknown.
        id: The caller's request id, or Lambda's.
        method, route, status, code: Of HTTP; `code` of a problem, "" if all went well.
        rows: Rows that were scored.
        seconds, engine_seconds: In the handler, and of it in the engine.
        cold: Whether it is the first of its environment.
        digest: sha256 of the artifact that answered, "" if none could.
    """

    kind: str = "unknown"
    id: str = ""
    method: str = ""
    route: str = ""
    status: int = 200
    code: str = ""
    rows: int = 0
    seconds: float = 0.0
    engine_seconds: float = 0.0
    cold: bool = False
    digest: str = ""


class Log:
    """Writes lines to standard output, where Lambda takes them up."""

    def __init__(self, namespace: str) -> None:
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self._name = json.dumps(name)
        metrics = [{"Name": metric, "Unit": unit} for metric, unit in _METRICS]
        wanted = [{"Namespace": namespace, "Dimensions": [["function"]], "Metrics": metrics}]
        self._metrics = json.dumps(wanted, separators=(",", ":")) if namespace else ""

    def request(self, line: Line) -> None:
        """Note a request that was answered."""
        now = time.time()
        trace = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0].removeprefix("Root=")
        more = f',"trace":"{trace}"' if trace and _SANE.fullmatch(trace) else ""
        if line.code:
            more = f'{more},"code":"{line.code}"'
        if line.method:
            more = f'{more},"method":"{_word(line.method)}","route":"{line.route}"'
        if self._metrics:
            more = f'{more},"_aws":{{"Timestamp":{int(now * 1000)},"CloudWatchMetrics":{self._metrics}}}'
        status = line.status
        self._write(
            f'{{"time":"{_iso(now)}","event":"request","kind":"{line.kind}","id":"{line.id}","status":{status},'
            f'"rows":{line.rows},"ms":{line.seconds * 1e3:.3f},"engine_ms":{line.engine_seconds * 1e3:.3f},'
            f'"cold":{"true" if line.cold else "false"},"digest":"{line.digest}","function":{self._name},'
            f'"requests":1,"client_faults":{int(400 <= status < 500)},"server_faults":{int(status >= 500)},'
            f'"cold_starts":{int(line.cold)}{more}}}\n'
        )

    def event(self, name: str, /, **members: Any) -> None:
        """Note something that happened, with members that JSON can hold."""
        document = {"time": _iso(time.time()), "event": name, **members}
        self._write(f"{json.dumps(document, ensure_ascii=False)}\n")

    def failure(self, identifier: str, error: BaseException) -> None:
        """Note a defect: types and places of an exception and its causes; texts may hold values."""
        causes: list[dict[str, str]] = []
        cause: BaseException | None = error
        while cause is not None and len(causes) < 5:
            place, trace = "", cause.__traceback__
            while trace is not None:
                code = trace.tb_frame.f_code
                place = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}"  # noqa: PTH119
                trace = trace.tb_next
            causes.append({"type": type(cause).__qualname__, "place": place})
            cause = cause.__cause__ or cause.__context__
        self.event("defect", id=identifier, causes=causes)

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except (OSError, ValueError):
            return  # a log that cannot be written is no reason to refuse a request


def request_id(given: str | None, context: Any) -> str:
    """Return the caller's id if it is one that logs and headers can carry, else Lambda's."""
    if given is not None and _SANE.fullmatch(given):
        return given
    return str(getattr(context, "aws_request_id", "") or "-")


def _word(text: str) -> str:
    return text if text.isalnum() and text.isascii() and len(text) < 32 else "?"


def _iso(now: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z"
