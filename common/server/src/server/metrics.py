"""Metrics: what Prometheus asks for, counted by every worker and summed over all of them when asked.

The counters are doubles in one small file that all workers map into memory, a block for each. A worker
writes only to its own block, so there is neither a lock nor a message, and a worker that is started anew
counts on where the one before it stopped.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

STATUSES: Final = (
    *(200, 204, 400, 401, 404, 405, 406, 408, 409, 413, 415, 422, 429, 431, 499, 500, 501, 503),
    0,  # all others
)
BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds of the latencies' buckets, in seconds."""

_SLOT: Final = {status: slot for slot, status in enumerate(STATUSES)}
_OTHER: Final = len(STATUSES) - 1
_TIMES: Final = len(BOUNDS) + 2  # buckets, the last one for all that is longer, and the sum of the seconds
_ROUTE: Final = len(STATUSES) + 2 * _TIMES + 2  # and bytes in and out
_ROWS, _IN_FLIGHT, _SHED, _LOG_DROPPED, _SWAPS, _CONNECTIONS, _GENERAL = range(7)


class Metrics:
    """The counters of one worker, and the text of all workers together."""

    def __init__(self, path: Path, routes: Sequence[str], worker: int, workers: int) -> None:
        self._routes = {route: _GENERAL + _ROUTE * number for number, route in enumerate(routes)}
        self._width = _GENERAL + _ROUTE * len(routes)
        self._workers = workers
        size = 8 * self._width * workers
        with path.open("ab") as file:
            file.truncate(max(size, file.tell()))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)
        self._all = memoryview(self._map).cast("d")
        self._own = self._all[worker * self._width : (worker + 1) * self._width]
        self._own[_IN_FLIGHT] = self._own[_CONNECTIONS] = 0.0

    def begin(self) -> None:
        """Count a request that came."""
        self._own[_IN_FLIGHT] += 1.0

    def end(
        self, route: str, status: int, seconds: float, engine: float, rows: int, size: int, sent: int
    ) -> None:
        """Count a request that was answered: seconds in all and within the engine, bytes in and out."""
        own = self._own
        own[_IN_FLIGHT] -= 1.0
        at = self._routes[route]
        own[at + _SLOT.get(status, _OTHER)] += 1.0
        at += len(STATUSES)
        own[at + bisect_left(BOUNDS, seconds)] += 1.0
        own[at + _TIMES - 1] += seconds
        at += _TIMES
        if engine:
            own[at + bisect_left(BOUNDS, engine)] += 1.0
            own[at + _TIMES - 1] += engine
        own[at + _TIMES] += size
        own[at + _TIMES + 1] += sent
        if rows:
            own[_ROWS] += rows

    def shed(self) -> None:
        """Count a request that was turned away because there was too much to do."""
        self._own[_SHED] += 1.0

    def turned_away(self, route: str) -> None:
        """Count a request that was turned away before it was looked at."""
        self._own[_SHED] += 1.0
        self._own[self._routes[route] + _SLOT[429]] += 1.0

    def now(self, connections: int, log_dropped: int, swaps: int) -> None:
        """Note what the worker counts elsewhere."""
        self._own[_CONNECTIONS], self._own[_LOG_DROPPED] = connections, log_dropped
        self._own[_SWAPS] = swaps

    def text(
        self,
        identifier: str,
        digest: str,
        name: str,
        ready: bool,
        deployment: Sequence[tuple[str, str]] = (),
    ) -> str:
        """Return all metrics in Prometheus' text format, version 0.0.4; `deployment` is labels and values."""
        lines = [*self._lines(identifier, digest, name, ready)]
        if deployment:
            lines += _head("scorer_deployment_info", "gauge", "The deployment that this server belongs to.")
            labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in deployment)
            lines.append(f"scorer_deployment_info{{{labels}}} 1")
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        """Let go of the file."""
        self._own.release()
        self._all.release()
        self._map.close()

    def _lines(self, identifier: str, digest: str, name: str, ready: bool) -> Iterator[str]:
        total = [0.0] * self._width
        for worker in range(self._workers):
            block = self._all[worker * self._width : (worker + 1) * self._width].tolist()
            total = [a + b for a, b in zip(total, block, strict=True)]
        yield from _head("scorer_requests_total", "counter", "Requests that were answered.")
        for route, at in self._routes.items():
            for slot, status in enumerate(STATUSES):
                if total[at + slot]:
                    labels = f'route="{route}",code="{status or "other"}"'
                    yield f"scorer_requests_total{{{labels}}} {total[at + slot]:.0f}"
        for shift, metric, meaning in (
            (0, "scorer_request_duration_seconds", "Seconds from a request's head to its answer."),
            (_TIMES, "scorer_engine_duration_seconds", "Seconds of a request within the scoring engine."),
        ):
            yield from _head(metric, "histogram", meaning)
            for route, at in self._routes.items():
                yield from _histogram(metric, route, total[at + len(STATUSES) + shift :][:_TIMES])
        for shift, metric, meaning in (
            (0, "scorer_request_bytes_total", "Bytes of the bodies of requests."),
            (1, "scorer_response_bytes_total", "Bytes of the bodies of answers."),
        ):
            yield from _head(metric, "counter", meaning)
            for route, at in self._routes.items():
                value = total[at + len(STATUSES) + 2 * _TIMES + shift]
                if value:
                    yield f'{metric}{{route="{route}"}} {value:.0f}'
        for slot, metric, kind, meaning in (
            (_ROWS, "scorer_rows_total", "counter", "Rows that were scored or explained."),
            (_SHED, "scorer_shed_total", "counter", "Requests turned away because there was too much to do."),
            (_LOG_DROPPED, "scorer_log_dropped_total", "counter", "Lines of the log that were not written."),
            (_SWAPS, "scorer_swaps_total", "counter", "Times that a worker took up another artifact."),
            (_IN_FLIGHT, "scorer_in_flight", "gauge", "Requests that are being answered now."),
            (_CONNECTIONS, "scorer_connections", "gauge", "Open connections."),
        ):
            yield from _head(metric, kind, meaning)
            yield f"{metric} {total[slot]:.0f}"
        yield from _head("scorer_workers", "gauge", "Processes that answer.")
        yield f"scorer_workers {self._workers}"
        yield from _head("scorer_ready", "gauge", "Whether the worker that was asked is ready.")
        yield f"scorer_ready {int(ready)}"
        yield from _head("scorer_pipeline_info", "gauge", "The scoring pipeline that answers now.")
        labels = f'id="{_escaped(identifier)}",digest="{digest}",name="{_escaped(name)}"'
        yield f"scorer_pipeline_info{{{labels}}} 1"


def _head(metric: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {metric} {meaning}", f"# TYPE {metric} {kind}"


def _histogram(metric: str, route: str, times: Sequence[float]) -> Iterator[str]:
    count = sum(times[:-1])
    if not count:
        return
    below = 0.0
    for bound, more in zip((*map(str, BOUNDS), "+Inf"), times, strict=False):
        below += more
        yield f'{metric}_bucket{{route="{route}",le="{bound}"}} {below:.0f}'
    yield f'{metric}_sum{{route="{route}"}} {times[-1]:.9g}'
    yield f'{metric}_count{{route="{route}"}} {count:.0f}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
