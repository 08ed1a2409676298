"""The extension in PostgreSQL beside the table scan, the engine, and PL/Python that calls LightGBM by row.

`BENCH_SQL_ROWS` and `BENCH_SQL_ROUNDS` make it smaller. The CPU time is that of the session's own process;
ways take turns, and medians of the turns are given. The server is started here, on data of its own.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sql_model import NAMES, ROUNDS, ROWS, SqlModel, rows
from table import Table, ratio, seconds

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration" / "sql"))

from extension_server import tree  # noqa: E402

TURNS = int(os.environ.get("BENCH_SQL_TURNS", "3"))
SLOW_ROWS = 2000
"""Rows of the way that calls LightGBM."""

OWN, SCAN, BATCH = "the engine alone, numpy array", "select sum(...) of the 16 columns", "score_rows(...)"
BY_NAME, BY_PLACE = "score(t), row by row", "score(f0, ..., f15), row by row"
RIVAL = "PL/Python and LightGBM, row by row"

Connection = psycopg.Connection[Any]


def run() -> list[Table]:
    """Measure forests of 100 x 3 and 300 x 3 trees."""
    with _server() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION scoring")
        _fill(connection)
        tables = []
        for number in ROUNDS:
            model = SqlModel(number)
            connection.execute("SELECT scoring.install('model', %s)", [model.scorer.artifact.data])
            tables += [_single(connection, model), _parallel(connection, model)]
        return tables


def _fill(connection: Connection) -> None:
    columns = ", ".join(f"{name} float8" for name in NAMES)
    connection.execute(f"CREATE TABLE t (id bigint, {columns})".encode())
    with connection.cursor().copy("COPY t FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", *["float8"] * len(NAMES)])
        for number, row in enumerate(rows(ROWS).tolist()):
            copy.write_row([number, *row])
    connection.execute("VACUUM (FREEZE, ANALYZE) t")


def _single(connection: Connection, model: SqlModel) -> Table:
    pid = connection.info.backend_pid
    connection.execute("SET max_parallel_workers_per_gather = 0; SET work_mem = '256MB'; SET jit = off")
    python = _rival(connection, model)
    listed = ", ".join(NAMES)
    X = rows(ROWS)

    def ask(query: str) -> Callable[[], object]:
        return lambda: connection.execute(query.encode()).fetchall()

    source = "scoring.score_rows('model', 'SELECT * FROM t')"
    batch = f'SELECT sum("y.a") FROM {source} AS r (id bigint, "y.a" float8)'
    ways = {
        SCAN: ask(f"SELECT {', '.join(f'sum({name})' for name in NAMES)} FROM t"),
        BATCH: ask(batch),
        BY_NAME: ask("SELECT sum((scoring.score('model', t))[1]) FROM t"),
        BY_PLACE: ask(f"SELECT sum((scoring.score('model', {listed}))[1]) FROM t"),
    }
    counts = dict.fromkeys([OWN, *ways], ROWS)
    if python:
        ways[RIVAL] = ask(f"SELECT sum((rival({listed}))[1]) FROM (SELECT * FROM t LIMIT {SLOW_ROWS}) q")
        counts[RIVAL] = SLOW_ROWS
        connection.execute(f"SELECT rival({listed}) FROM t LIMIT 1".encode())
    taken: dict[str, list[tuple[float, float]]] = {OWN: [], **{name: [] for name in ways}}
    for _ in range(TURNS):
        cpu, wall = time.process_time(), time.perf_counter()
        model.scorer.predict(X)
        taken[OWN].append((time.process_time() - cpu, time.perf_counter() - wall))
        for name, way in ways.items():
            cpu, wall = _cpu(pid), time.perf_counter()
            way()
            taken[name].append((_cpu(pid) - cpu, time.perf_counter() - wall))
    middle = {
        name: tuple(statistics.median(each) / counts[name] for each in zip(*turns, strict=True))
        for name, turns in taken.items()
    }
    floor = middle[OWN][0] + middle[SCAN][0]
    columns = ["way", "CPU time a row", "wall time a row", "times engine and scan", f"faster than {RIVAL}"]
    table = Table(f"PostgreSQL, {ROWS:,} rows of 16 columns, {model.name}, one process", columns)
    for name, (cpu, wall) in middle.items():
        beside = ratio(middle[RIVAL][0] / cpu) if python else "-"
        table.rows.append([name, seconds(cpu), seconds(wall), ratio(cpu / floor), beside])
    if not python:
        table.remarks.append("PL/Python is not installed here (on Debian postgresql-plpython3-15).")
    return table


def _parallel(connection: Connection, model: SqlModel) -> Table:
    """Compare two workers with one process, in time that passes and in time on a processor."""
    connection.execute("SET parallel_leader_participation = off; SET parallel_setup_cost = 0; SET jit = off")
    connection.execute("SET min_parallel_table_scan_size = 0; SET parallel_tuple_cost = 0")
    found = connection.execute("SELECT pg_read_file('postmaster.pid', 0, 20)").fetchone()
    assert found is not None
    pids = int(found[0].split()[0]), connection.info.backend_pid
    taken: dict[int, list[tuple[float, float]]] = {0: [], 2: []}
    for _ in range(TURNS):
        for workers, times in taken.items():
            connection.execute(f"SET max_parallel_workers_per_gather = {workers}".encode())
            wall, cpu = time.perf_counter(), _family_cpu(*pids)
            # Not prepared: a prepared statement would keep the plan that it had before the setting.
            connection.execute("SELECT sum((scoring.score('model', t))[1]) FROM t", prepare=False).fetchall()
            passed = time.perf_counter() - wall
            time.sleep(0.2)  # until the server has counted workers that ended
            times.append((passed, _family_cpu(*pids) - cpu))
    connection.execute("RESET ALL")
    middle = {
        workers: tuple(statistics.median(each) for each in zip(*times, strict=True))
        for workers, times in taken.items()
    }
    columns = ["processes", "wall time a row", "faster", "CPU time a row", "faster on idle processors"]
    table = Table(f"PostgreSQL, parallel workers, {model.name}", columns)
    for workers, (wall, cpu) in middle.items():
        count = max(workers, 1)
        by_wall, by_cpu = ratio(middle[0][0] / wall), ratio(count * middle[0][1] / cpu)
        table.rows.append([str(count), seconds(wall / ROWS), by_wall, seconds(cpu / ROWS), by_cpu])
    load = os.getloadavg()[0]
    table.remarks.append(f"{os.cpu_count()} cores; the load average was {load:.1f}.")
    table.remarks.append(
        "The last column divides the processors' time evenly among the processes, which the plan does to "
        "within some percent. The time of workers counts their start and loading the artifact."
    )
    return table


def _family_cpu(postmaster: int, session: int) -> float:
    """Return the CPU time of a session, and of the server's processes that have ended, such as workers."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rsplit(")", 1)[1].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return ended + _cpu(session)


def _rival(connection: Connection, model: SqlModel) -> bool:
    """Make what people write; False where there is no PL/Python."""
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS plpython3u")
    except psycopg.Error:
        return False
    arguments = ", ".join(f"{name} float8" for name in NAMES)
    body = f"""
if 'booster' not in SD:
    import sys
    sys.path.insert(0, {sysconfig.get_paths()["purelib"]!r})
    import lightgbm
    SD['booster'] = lightgbm.Booster(model_str=plpy.execute("SELECT body FROM forest")[0]["body"])
return SD['booster'].predict([[{", ".join(NAMES)}]], num_threads=1)[0].tolist()
"""
    connection.execute("DROP TABLE IF EXISTS forest; CREATE TABLE forest (body text)")
    connection.execute("INSERT INTO forest VALUES (%s)", [model.text_path.read_text()])
    create = (
        f"CREATE OR REPLACE FUNCTION rival({arguments}) RETURNS float8[] LANGUAGE plpython3u AS $$ {body} $$"
    )
    connection.execute(create.encode())
    return True


def _cpu(pid: int) -> float:
    """Return the seconds that a process was on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def _server() -> Iterator[str]:
    """Start a server that has the extension."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    user = [] if os.getuid() else ["setpriv", "--reuid", "nobody", "--clear-groups"]
    if not os.getuid():
        shutil.chown(data, "nobody")
    try:
        programs = tree(binaries[-1], folder / "tree")
        _call(
            [
                *user,
                str(programs / "initdb"),
                "-D",
                str(data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
            ]
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = f"-k {data} -p {port} -c listen_addresses='' -c fsync=off -c shared_buffers=512MB"
        control = [*user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
        _call([*control, "-l", str(data / "log"), "-o", settings, "start"])
        try:
            yield f"host={data} port={port} user=postgres dbname=postgres"
        finally:
            _call([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
