"""Our server beside others that serve the same model: requests, rows, latency, overload, start and memory.

All servers run on one processor, the load generator on another; they are asked in turns, for a second at a
time, and who is not asked is paused. Requests that cost the server's processor are compared by that time:
it does not depend on who else uses the machine, as requests a second do.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
from scoring._engine import Matrix
from server_process import Running, save
from server_rivals import HERE, MODEL, PEERS, ROOM, Absent, Rival, ours, ready, uv
from table import Table, ratio, seconds, size

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
BURST = float(os.environ.get("BENCH_BURST", "1"))
CONNECTIONS = 16
COOLER = HERE.parent.parent / "local-rest-scorer" / "example" / "cooler.pipeline"
WANTED = {"FastAPI": 4, "LitServe": 15, "BentoML": 15, "MLflow": 15, "MLServer": 8, "Jetty + genmodel": 2}
"""How many times as quick as these our server should be, for one row."""


def rows(first: int, count: int) -> list[list[float]]:
    """Return rows that the model was not trained on, to six digits, as sensors give them."""
    return [[float(f"{cell:.6g}") for cell in row] for row in MODEL.rows[first : first + count].tolist()]


def started(
    stack: ExitStack, rivals: Sequence[Rival], absent: dict[str, str], port: int
) -> Iterator[Running]:
    """Start servers, each on a port of its own; note those that do not start."""
    for number, rival in enumerate(rivals):
        try:
            running = Running(rival, port + 10 * number, rival.request(rows(0, 1)))
        except Absent as reason:
            absent[rival.name] = str(reason)
            continue
        stack.callback(running.stop)
        yield running


def in_turns(
    servers: Sequence[Running], files: Mapping[str, Path], connections: int = CONNECTIONS
) -> dict[str, list[dict[str, Any]]]:
    """Ask all servers, again and again; return what was found, by name."""
    found: dict[str, list[dict[str, Any]]] = {server.rival.name: [] for server in servers}
    for server in servers:
        server.pause()
    for number in range(ROUNDS + 1):
        for server in servers:
            name = server.rival.name
            server.resume()
            # The first round warms up: long enough for a compiler that works while its program runs.
            result = server.load(files[name], connections, BURST if number else 5 * BURST)
            server.pause()
            if number:
                found[name].append(result)
    return found


def cpu_each(found: Mapping[str, Any]) -> float:
    """Return the CPU seconds of one request."""
    return float(found["cpu"]) / float(max(1, found["ok"]))


def rate(found: Mapping[str, Any]) -> float:
    """Return the requests a second that were answered."""
    return float(found["ok"]) / float(found["seconds"])


def median(results: Sequence[Mapping[str, Any]], of: Callable[[Mapping[str, Any]], float]) -> float:
    """Return the median of something over all turns."""
    return float(statistics.median(of(result) for result in results))


def times(
    one: Sequence[Mapping[str, Any]],
    other: Sequence[Mapping[str, Any]],
    of: Callable[[Mapping[str, Any]], float],
) -> float:
    """Return the median of the ratios one / other, turn by turn."""
    return statistics.median(of(a) / max(1e-12, of(b)) for a, b in zip(one, other, strict=True))


def compared(title: str, servers: Sequence[Running], found: Mapping[str, list[dict[str, Any]]]) -> Table:
    """Return the table of one-row requests; the first server is ours."""
    columns = ["", "version", "CPU a request", "requests/s", "ours is quicker: CPU", "requests/s", "asked",
               "start", "memory (PSS)"]  # fmt: skip
    table = Table(title, columns)
    mine = found[servers[0].rival.name]
    for server in servers:
        results = found[server.rival.name]
        wanted = WANTED.get(server.rival.name)
        bad = sum(r["timeouts"] + r["broken"] + sum(r["statuses"].values()) - r["ok"] for r in results)
        table.rows.append([
            server.rival.name, server.rival.version or "-", seconds(median(results, cpu_each)),
            f"{median(results, rate):,.0f}", ratio(times(results, mine, cpu_each)),
            ratio(times(mine, results, rate)), "" if wanted is None else f"{wanted}x",
            seconds(server.start_seconds), size(server.memory()[1]),
        ])  # fmt: skip
        remark = f"{server.rival.name}: {server.rival.about}."
        table.remarks.append(remark if not bad else f"{remark} {bad} requests failed.")
    return table


def one_row() -> Iterator[Table]:
    """One row a request, at saturation: ours, ours with a constant answer, and the peers."""
    peers, absent = ready()
    limit = ours("constant answer", command=[
        "uvicorn", "constant_app:app", "--port", "PORT", "--loop", "uvloop", "--http", "httptools",
        "--no-access-log", "--log-level", "warning",
    ])  # fmt: skip
    with ExitStack() as stack:
        servers = list(started(stack, [ours(), limit, *peers], absent, 19100))
        files = {
            server.rival.name: save(
                f"one-{server.port}", [server.rival.request(rows(number, 1)) for number in range(64)]
            )
            for server in servers
        }
        table = compared("One row a request, at saturation", servers, in_turns(servers, files))
    table.remarks += [f"{name} took no part: {reason}." for name, reason in absent.items()]
    table.remarks.append(
        "The constant answer is uvicorn's, with an app of a few lines that scores nothing: the stack's limit."
    )
    yield table


def many_rows() -> Iterator[Table]:
    """10,000 rows a request: JSON beside FastAPI, CSV and Arrow beside our own JSON."""
    count = 10_000
    peers, absent = ready()
    chosen = [rival for rival in peers if rival.name == "FastAPI"]
    with ExitStack() as stack:
        servers = list(started(stack, [ours(), *chosen], absent, 19300))
        cells = rows(0, count)
        bodies = {server.rival.name: server.rival.request(cells) for server in servers}
        rival = servers[0].rival
        bodies |= {kind: _as(kind, rival, cells) for kind in ("CSV", "Arrow")}
        files = {name: save(f"many-{number}", [body]) for number, (name, body) in enumerate(bodies.items())}
        asked = dict.fromkeys(files, servers[0]) | {server.rival.name: server for server in servers}
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in files}
        for number in range(ROUNDS + 1):
            for name, server in asked.items():
                result = server.load(files[name], 2, (2 if server is servers[0] else 5) * BURST)
                if number:
                    found[name].append(result)
    table = Table(
        f"{count:,} rows a request, at saturation",
        ["", "body", "CPU a request", "rows a CPU second", "rows/s", "beside our JSON, CPU", "rows/s"],
    )
    mine = found["ours"]
    for name, results in found.items():
        each = median(results, cpu_each)
        table.rows.append([
            {"ours": "ours, JSON", "CSV": "ours, CSV", "Arrow": "ours, Arrow"}.get(name, f"{name}, JSON"),
            size(len(bodies[name])), seconds(each), f"{count / each:,.0f}",
            f"{count * median(results, rate):,.0f}",
            ratio(times(mine, results, cpu_each)), ratio(times(results, mine, rate)),
        ])  # fmt: skip
    table.remarks.append("Above 1x is quicker than our JSON. One processor for the server, two connections.")
    floor = engine_alone(cells)
    table.remarks.append(
        f"The engine alone takes {seconds(floor)} of each: a body that cost nothing to read, to send and to "
        f"answer would be {ratio(median(mine, cpu_each) / floor)} our JSON."
    )
    table.remarks += [f"{name} took no part: {reason}." for name, reason in absent.items()]
    yield table


def engine_alone(cells: list[list[float]]) -> float:
    """Return the CPU seconds that the engine takes to score rows, at best."""
    matrix, taken = Matrix(cells), []
    for _ in range(20):
        begun = time.process_time()
        MODEL.scorer.engine.scores(matrix, False, 1)
        taken.append(time.process_time() - begun)
    return min(taken)


def _as(kind: str, rival: Rival, cells: list[list[float]]) -> bytes:
    names = list(MODEL.scorer.schema.names)
    if kind == "CSV":
        lines = [",".join(names), *(",".join(map(repr, row)) for row in cells)]
        body, media = "\n".join(lines).encode() + b"\n", "text/csv"
    else:
        columns = [pa.array(column, pa.float64()) for column in zip(*cells, strict=True)]
        table = pa.table(columns, names=names)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        body, media = sink.getvalue().to_pybytes(), "application/vnd.apache.arrow.stream"
    headers = {"host": "127.0.0.1", "content-type": media, "accept": media, **rival.headers}
    lines_ = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {rival.path} HTTP/1.1\r\n{lines_}content-length: {len(body)}\r\n\r\n".encode() + body


def pressure() -> Iterator[Table]:
    """Latency at a tenth of saturation, and what is left of the goodput at twice saturation."""
    peers, absent = ready()
    chosen = [rival for rival in peers if rival.name == "FastAPI"]
    calm = Table(
        "Latency of one row, at a tenth of saturation", ["", "requests/s", "p50", "p99", "p99 / p50"]
    )
    storm = Table(
        "Twice saturation: an open loop on 1,000 connections, clients give up after 1.5 s",
        ["", "rows", "saturation/s", "good answers/s", "of saturation", "a CPU second", "p50", "p99", "shed",
         "timed out", "broken", "memory before", "after a storm", "after three"],
    )  # fmt: skip
    with ExitStack() as stack:
        for server in started(stack, [ours(), *chosen], absent, 19500):
            name = server.rival.name
            for count in (1, 100):
                made = [server.rival.request(rows(count * number, count)) for number in range(32)]
                file = save(f"pressure-{server.port}-{count}", made)
                server.load(file, CONNECTIONS, BURST)
                tops, calms, storms = [], [], []
                memory = []
                for _ in range(3):  # in turns: what the machine can do may change meanwhile
                    tops.append(server.load(file, CONNECTIONS, 2 * BURST))
                    if count == 1:
                        calms.append(server.load(file, CONNECTIONS, 3 * BURST, rate(tops[-1]) / 10))
                    memory.append(server.memory()[0])
                    storms.append(server.load(file, 1000, 3 * BURST, 2 * rate(tops[-1]) + 1, 1.5))
                    memory.append(server.memory()[0])
                if count == 1:
                    best = min(calms, key=lambda found: float(found["p99"]))
                    calm.rows.append([name, f"{rate(best):,.0f}", seconds(best["p50"]), seconds(best["p99"]),
                                      ratio(best["p99"] / best["p50"])])  # fmt: skip
                share, thrift = times(storms, tops, rate), times(tops, storms, cpu_each)
                shed = sum(s["statuses"].get(code, 0) for s in storms for code in ("429", "503"))
                storm.rows.append([
                    name, str(count), f"{median(tops, rate):,.0f}", f"{median(storms, rate):,.0f}",
                    f"{100 * share:.0f} %", f"{100 * thrift:.0f} %",
                    seconds(median(storms, lambda s: s["p50"])),
                    seconds(median(storms, lambda s: s["p99"])), f"{shed:,}",
                    f"{sum(s['timeouts'] for s in storms):,}", f"{sum(s['broken'] for s in storms):,}",
                    size(memory[0]), size(memory[1]), size(memory[-1]),
                ])  # fmt: skip
    calm.remarks.append("The best of three: a tail on a shared machine is the neighbours'.")
    storm.remarks.append(
        "'a CPU second': good answers for the same processor time, beside saturation; other programs on the "
        "machine do not change it."
    )
    storm.remarks.append(
        "Medians of three storms, each after its own measurement of saturation; sums of failures."
    )
    yield calm
    yield storm


def stacks() -> Iterator[Table]:
    """The same app on other servers of HTTP, one row a request."""
    absent: dict[str, str] = {}
    home = ROOM / "stacks"
    folder = os.environ.get("BENCH_ENVIRONMENTS")
    if folder:
        home = Path(folder) / "stacks"
    if not home.exists():
        import sys

        uv("venv", "-q", "--python", sys.executable, str(home))
        uv("pip", "install", "-q", "--python", str(home / "bin" / "python"), "granian", "hypercorn", "h11")
    extra = str(next(home.glob("lib/python*/site-packages")))
    plain = ["uvicorn", "our_app:app", "--port", "PORT", "--no-access-log", "--log-level", "warning"]
    granian = ["-m", "granian", "--interface", "asgi", "our_app:app", "--port", "PORT", "--no-ws"]
    commands = {
        "uvicorn, as it is": [*plain, "--loop", "uvloop", "--http", "httptools"],
        "uvicorn, h11 and asyncio": [*plain, "--loop", "asyncio", "--http", "h11"],
        "granian": ["python", *granian, "--workers", "1", "--log-level", "warning", "--loop", "uvloop"],
        "hypercorn": ["python", "-m", "hypercorn", "our_app:app", "-b", "127.0.0.1:PORT", "-k", "uvloop"],
    }
    rivals = [ours("ours")]
    for name, command in commands.items():
        made = ours(name.replace(" ", "-"), command=command)
        made.environment["PYTHONPATH"] = f"{PEERS}:{extra}"
        rivals.append(Rival(name, "our app on another server", made.command, made.body, headers=made.headers,
                            environment=made.environment))  # fmt: skip
    with ExitStack() as stack:
        servers = list(started(stack, rivals, absent, 19700))
        files = {
            server.rival.name: save(
                f"stack-{server.port}", [server.rival.request(rows(number, 1)) for number in range(64)]
            )
            for server in servers
        }
        table = compared("Our app on other servers, one row a request", servers, in_turns(servers, files))
    table.remarks = [f"{name} took no part: {reason}." for name, reason in absent.items()]
    table.remarks.append("robyn runs handlers of its own and no ASGI app, so ours cannot run on it.")
    yield table


def start() -> Iterator[Table]:
    """Start to the first answer, and memory, with the artifact of the hydraulic cooler."""
    import json
    import sys

    request = json.loads((COOLER.parent / "request.json").read_text())
    made = ours("cooler")

    def command(port: int) -> list[str]:
        words = made.command(port)
        return [sys.executable, "-m", "server", str(COOLER), *words[words.index("--port") :]]

    rival = Rival("cooler", "", command, lambda _: json.dumps(request).encode(), headers=made.headers)
    taken, used, memory = [], [], []
    spread: tuple[Callable[..., float], ...] = (statistics.median, min, max)
    for number in range(max(3, ROUNDS)):
        running = Running(rival, 19900 + number, rival.request([]))
        taken.append(running.start_seconds)
        used.append(running.cpu())
        memory.append(running.memory())
        running.stop()
    table = Table("Start and memory, with the cooler's artifact", ["", "asked", "median", "best", "worst"])
    table.rows += [
        ["start to the first answer", "0.5 s", *(seconds(of(taken)) for of in spread)],
        ["CPU time until then", "", *(seconds(of(used)) for of in spread)],
        ["resident memory", "90 MB", *(size(of(m[0] for m in memory)) for of in spread)],
        ["its share (PSS)", "", *(size(of(m[1] for m in memory)) for of in spread)],
    ]  # fmt: skip
    yield table


PARTS = (one_row, stacks, many_rows, pressure, start)


def run() -> Iterator[Table]:
    """Measure everything, or the parts named in BENCH_PARTS."""
    chosen = os.environ.get("BENCH_PARTS")
    for part in PARTS:
        if chosen is None or part.__name__ in chosen.split(","):
            yield from part()
