"""The extension under load and attack: many sessions, killed processes, damaged artifacts, workers."""

import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from extension_models import Trained

Connection = psycopg.Connection[Any]
SESSIONS = 16
INSTALL = "SELECT scoring.install(name, artifact) FROM scoring.pipelines WHERE name = 'golden' AND active"
MUTATIONS = 400
LABELS = ["low", "mid", "high"]
BATCH = """SELECT count(*), sum("y.low") FROM scoring.score_rows('golden', $$SELECT * FROM {}$$)
           AS r (id bigint, "y.low" float8)"""


@pytest.fixture
def trained(made: Callable[..., Trained], connection: Connection) -> Trained:
    found = made("multiclass", LABELS)
    found.install(connection, "golden")
    return found


@pytest.fixture
def long(trained: Trained, connection: Connection, database: str) -> Iterator[str]:
    """A table that takes a while to score."""
    connection.execute(
        "DROP TABLE IF EXISTS long; CREATE TABLE long AS SELECT g.* FROM golden g, generate_series(1, 100)"
    )
    yield "long"
    with psycopg.connect(database, autocommit=True) as after:  # a test may have ended the other session
        after.execute("DROP TABLE long")


def test_sixteen_sessions_at_once(trained: Trained, database: str) -> None:
    expected = trained.outputs().tolist()
    faults: list[str] = []
    start = threading.Barrier(SESSIONS)

    def work(number: int) -> None:
        try:
            with psycopg.connect(database, autocommit=True) as session:
                start.wait(30)
                for turn in range(3):
                    if number == 0:
                        session.execute(INSTALL)
                    rows = session.execute(
                        "SELECT scoring.score('golden', t) FROM golden t ORDER BY id"
                    ).fetchall()
                    if [row[0] for row in rows] != expected:
                        faults.append(f"session {number}, turn {turn}: other scores")
        except Exception as fault:  # noqa: BLE001  a thread's fault is the test's
            faults.append(f"session {number}: {fault}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[:3]


def test_killed_client(long: str, connection: Connection, database: str) -> None:
    query = (
        f"CREATE TABLE copied AS SELECT id, scoring.score('golden', t) FROM {long} t, generate_series(1, 50)"
    )
    program = f"import psycopg; psycopg.connect({database!r}, application_name='victim').execute({query!r})"
    client = subprocess.Popen([sys.executable, "-c", program])
    try:
        _wait(
            connection,
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'"
            " AND leader_pid IS NULL",
            1,
        )
        client.kill()
    finally:
        client.wait(30)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
    )
    _wait(connection, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim'", 0)
    assert connection.execute("SELECT to_regclass('copied')").fetchone() == (None,)


@pytest.mark.parametrize("way", ["pg_cancel_backend", "pg_terminate_backend"])
@pytest.mark.parametrize("form", ["rows", "batch"])
def test_a_query_can_be_ended(long: str, connection: Connection, database: str, way: str, form: str) -> None:
    source = f"{long}, generate_series(1, 100)"
    batch = BATCH.format(f"(SELECT {long}.* FROM {source}) endless")
    query = batch if form == "batch" else f"SELECT count(scoring.score('golden', {long})) FROM {source}"
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("SET max_parallel_workers_per_gather = 0")
        pid = session.info.backend_pid
        timer = threading.Timer(0.5, lambda: connection.execute(f"SELECT {way}({pid})".encode()))
        timer.start()
        began = time.monotonic()
        with pytest.raises((psycopg.errors.QueryCanceled, psycopg.OperationalError)):
            session.execute(query.encode())
        timer.join()
        assert time.monotonic() - began < 20
        if way == "pg_cancel_backend":
            assert session.execute("SELECT scoring.score('golden', t) FROM golden t WHERE id = 1").fetchone()


def test_killed_server_process(trained: Trained, long: str, database: str, extended: Any) -> None:
    """Every session ends when one process is killed; the server recovers, and what was committed is there."""
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(
            "CREATE TABLE IF NOT EXISTS kept AS SELECT id, scoring.score('golden', t) FROM golden t"
        )
        pid = session.info.backend_pid
        timer = threading.Timer(0.7, os.kill, (pid, signal.SIGKILL))
        timer.start()
        with pytest.raises(psycopg.OperationalError):
            session.execute(
                f"CREATE TABLE lost AS SELECT scoring.score('golden', t) FROM {long} t, pg_class".encode()
            )
        timer.join()
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(database, autocommit=True) as session:
                break_out = session.execute("SELECT to_regclass('lost'), count(*) FROM kept").fetchone()
                rows = session.execute(
                    "SELECT scoring.score('golden', t) FROM golden t ORDER BY id"
                ).fetchall()
                session.execute("DROP TABLE kept")
                break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert break_out == (None, len(trained.table))
    assert [row[0] for row in rows] == trained.outputs().tolist()


def test_killed_server(trained: Trained, connection: Connection, extended: Any) -> None:
    """The whole server dies at once and starts again."""
    connection.execute("CHECKPOINT")
    lines = (extended.folder / "data" / "postmaster.pid").read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while True:  # its processes notice, each by itself
        left = subprocess.run(
            ["pgrep", "-g", lines[0]], capture_output=True, text=True, check=False
        ).stdout.split()
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    (extended.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    extended.start()
    with psycopg.connect(connection.info.dsn, autocommit=True) as session:
        rows = session.execute("SELECT scoring.score('golden', t) FROM golden t ORDER BY id").fetchall()
    assert [row[0] for row in rows] == trained.outputs().tolist()


def test_parallel_workers(long: str, connection: Connection, trained: Trained) -> None:
    connection.execute(f"ANALYZE {long}".encode())
    connection.execute(
        "SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0;"
        "SET parallel_setup_cost = 0"
    )
    query = f"SELECT sum((scoring.score('golden', t))[1]), count(*) FROM {long} t"
    plan = "\n".join(
        row[0] for row in connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {query}".encode())
    )
    assert "Workers Launched: 2" in plan, plan
    found = connection.execute(query.encode()).fetchone()
    assert found is not None
    np.testing.assert_allclose(found[0], trained.outputs()[:, 0].sum() * 100, rtol=1e-9)
    with psycopg.connect(connection.info.dsn, autocommit=True) as single:
        single.execute("SET max_parallel_workers_per_gather = 0")
        ask = f"SELECT id, scoring.score('golden', t) FROM {long} t"
        many = sorted(map(repr, connection.execute(ask.encode()).fetchall()))
        assert many == sorted(map(repr, single.execute(ask.encode()).fetchall()))


def test_a_query_of_few_rows_is_not_compiled(long: str, connection: Connection) -> None:
    """PostgreSQL's JIT takes longer than these rows: the functions must not cost more than they do."""
    connection.execute(f"RESET ALL; ANALYZE {long}".encode())
    query = f"EXPLAIN (FORMAT json) SELECT sum((scoring.score('golden', t))[1]) FROM {long} t"
    found = connection.execute(query.encode()).fetchone()
    assert found is not None
    assert "JIT" not in found[0][0]


def test_memory_is_bounded(long: str, connection: Connection) -> None:
    pid = connection.info.backend_pid
    connection.execute("SET work_mem = '4MB'; SET max_parallel_workers_per_gather = 0")

    def private() -> int:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(
            int(line.split()[1]) for line in lines if line.startswith("Anonymous:")
        )  # what is shared is not

    used = []  # kB
    for _ in range(4):
        assert connection.execute(BATCH.format(long).encode()).fetchone()
        connection.execute(f"SELECT count(scoring.score('golden', t)) FROM {long} t".encode())
        used.append(private())
    assert used[0] < 64_000, used  # 300,000 rows; their scores alone are 7 MB, the rows 20 MB
    assert used[-1] - used[0] < 4_000, used


def mutated(data: bytes, seed: int) -> bytes:
    """Damage an artifact: bits, pieces, lengths in the zip's own records, the end cut off."""
    dice = random.Random(seed)
    body = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(body))
        way = dice.randrange(6)
        if way == 0:
            body[place] ^= 1 << dice.randrange(8)
        elif way == 1:
            del body[place : place + dice.randint(1, 300)]
        elif way == 2:
            body[place:place] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 40)))
        elif way == 3:
            body = body[: max(30, place)]
        else:  # a number of a record: the end's, a directory entry's, a local one's
            marks = [mark for mark in (b"PK\5\6", b"PK\1\2", b"PK\3\4") for _ in range(2)]
            at = body.find(dice.choice(marks), place if way == 5 else 0)
            at = at if at >= 0 else max(0, len(body) - 22)
            field = at + dice.randrange(4, 42)
            value = dice.choice([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, dice.getrandbits(32), len(body)])
            body[field : field + 4] = struct.pack("<I", value)
    return bytes(body)


def attacked(url: str, scorer: Any, count: int) -> None:
    """Offer damaged artifacts, some with digests that are right; none may end the session."""
    good = scorer.artifact
    with psycopg.connect(url, autocommit=True) as session:
        pid = session.info.backend_pid
        accepted = 0
        states: set[str | None] = set()
        for seed in range(count):
            data = mutated(good.data, seed)
            if seed % 2:  # sound on the outside, damaged within: nobody but the engine can tell
                data = _honest(good, seed)
            try:
                session.execute("SELECT scoring.check_artifact(%s)", [data])
                accepted += 1
            except psycopg.Error as fault:
                states.add(fault.sqlstate)
        assert session.info.backend_pid == pid
        assert accepted < count
        assert states <= {"22P03", "22021"}  # refused, or a name in it is no UTF-8
        digest = session.execute("SELECT scoring.install('golden', %s)", [good.data]).fetchone()
        assert digest == (scorer.digest,)


def _honest(good: Any, seed: int) -> bytes:
    """Pack damaged members with the digests that they have."""
    import hashlib
    import json

    from scoring.archive import write_archive

    dice = random.Random(seed)
    parts = {"features.json": good.features, "forest-0.txt": good.forest, "baseline.json": b"{}"}
    parts["samples.json"] = b'{"rows":[],"raw":[],"output":[]}'
    name = dice.choice(["features.json", "forest-0.txt", "forest-0.txt", "manifest.json"])
    manifest = good.manifest.to_bytes()
    if name != "manifest.json":
        parts[name] = mutated(parts[name], seed)
    body = json.loads(manifest)
    body["members"] = {member: hashlib.sha256(part).hexdigest() for member, part in parts.items()}
    text = json.dumps(body).encode()
    parts["manifest.json"] = mutated(text, seed) if name == "manifest.json" else text
    return write_archive(parts)


def test_damaged_artifacts(trained: Trained, database: str) -> None:
    attacked(database, trained.scorer, MUTATIONS)


def test_a_zip_bomb(trained: Trained, connection: Connection) -> None:
    from scoring.archive import write_archive

    bomb = write_archive({"manifest.json": bytes(64 << 20)})
    with pytest.raises(psycopg.errors.InvalidBinaryRepresentation, match="more than 500 times"):
        connection.execute("SELECT scoring.check_artifact(%s)", [bomb])


def test_damaged_artifacts_under_a_sanitizer(
    made: Callable[..., Trained], watched: Path, tmp_path: Path
) -> None:
    """All that reads an artifact is apart from PostgreSQL, so that it can be watched without a server."""
    good = made("multiclass", LABELS).scorer.artifact
    (tmp_path / "good").write_bytes(good.data)
    for seed in range(MUTATIONS):
        data = _honest(good, seed) if seed % 2 else mutated(good.data, seed)
        (tmp_path / str(seed)).write_bytes(data)
    command = [str(watched), *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    opened = int(done.stdout.split()[0])
    assert 1 <= opened < MUTATIONS


def test_address_sanitizer(made: Callable[..., Trained], sanitized: Any) -> None:
    """Everything above that reads memory, watched: damaged artifacts, rows of all forms, wrong cells."""
    trained = made("multiclass", LABELS)
    url = sanitized.database("watched")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE EXTENSION scoring")
        trained.install(session, "golden")
        rows = session.execute("SELECT scoring.score('golden', t) FROM golden t ORDER BY id").fetchall()
        assert [row[0] for row in rows] == trained.outputs().tolist()
        found = session.execute(BATCH.format("golden").encode()).fetchone()
        assert found is not None
        assert found[0] == len(rows)
        for query in (
            "SELECT scoring.contribution('golden', t) FROM golden t LIMIT 20",
            "SELECT scoring.score_json('golden', t) FROM golden t LIMIT 20",
            "SELECT scoring.manifest('golden'), scoring.schema('golden'), scoring.outputs('golden')",
            "SELECT scoring.score('golden', VARIADIC ARRAY[1, NULL, 2, 3, NULL]::float8[])",
        ):
            assert session.execute(query.encode()).fetchall()
        for query in (
            "SELECT scoring.score('golden', 1, 2)",
            "SELECT scoring.score('golden', '?', 'x', 3, 4, '')",
        ):
            with pytest.raises(psycopg.Error):
                session.execute(query.encode())
        session.execute("SET scoring.cached_pipelines = 1")
        session.execute("SELECT scoring.score(digest, 1, 2, 3, 4, '') FROM scoring.pipelines")
    attacked(url, trained.scorer, MUTATIONS // 4)
    log = (sanitized.folder / "log").read_text(errors="replace")
    assert "AddressSanitizer" not in log, log[-4000:]
    assert "runtime error" not in log, log[-4000:]


def _wait(connection: Connection, query: str, wanted: int) -> None:
    deadline = time.monotonic() + 30
    while connection.execute(query.encode()).fetchone() != (wanted,):
        assert time.monotonic() < deadline, query
        time.sleep(0.1)
