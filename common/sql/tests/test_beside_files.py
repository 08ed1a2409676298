"""Scoring next to SQLite and DuckDB: files that are read, written and resumed as a server is."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import scoring
from scoring_sql import beside

Query = Callable[[str], list[tuple[Any, ...]]]
KINDS = ["sqlite", "duckdb"]
COLUMNS = '"a", "b b", "c""c", "select", "färbe"'


@pytest.fixture(scope="module")
def trained(made: Any) -> Any:
    return made("multiclass", ["low", "mid", "hi'gh"])


def _fill(path: Path, trained: Any, key: Callable[[int], Any] = int) -> Path:
    data = trained.data
    rows = [(key(place), *row) for place, row in enumerate(data.itertuples(index=False, name=None))]
    if path.suffix == ".duckdb":
        columns = {
            "id": [row[0] for row in rows],
            **{name: pa.array(data[name], from_pandas=True) for name in data},
        }
        with duckdb.connect(str(path)) as connection:
            connection.register("rows", pa.table(columns))
            connection.execute(f"CREATE TABLE data AS SELECT id, {COLUMNS} FROM rows")
        return path
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE data (id, {COLUMNS})")
        connection.executemany("INSERT INTO data VALUES (?, ?, ?, ?, ?, ?)", rows)
    return path


def _ask(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path)) as connection:
            return [connection.execute(statement) for statement in statements][-1].fetchall()
    with closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(statement) for statement in statements][-1].fetchall()


def _job(mode: str = "append", query: str = "SELECT * FROM data", **more: Any) -> beside.Job:
    more = {"keys": ("id",), "chunk_rows": 100, **more}
    return beside.Job(query, table=beside.Name.parse("scores"), mode=mode, **more)


def _scores(path: Path, order: str = "id") -> np.ndarray:
    return np.array(_ask(path, f'SELECT "y.low", "y.mid", "y.hi\'gh" FROM scores ORDER BY {order}'))


@pytest.mark.parametrize("mode", beside.MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_engines(kind: str, mode: str, trained: Any, tmp_path: Path) -> None:
    path = _fill(tmp_path / f"rig.{kind}", trained)

    for _ in range(1 if mode == "append" else 2):
        summary = beside.score(trained.scorer, _job(mode), beside.parse(str(path)))

        assert summary.rows == len(trained.table)
        assert "exactly once" in summary.guarantee
        assert np.array_equal(_scores(path), trained.outputs())
    assert _ask(path, "SELECT state, done FROM scoring_jobs") == [("finished", len(trained.table))]


@pytest.mark.parametrize("key", [int, float, str, lambda place: f"'{place}\"\U0001f600"])
@pytest.mark.parametrize("kind", KINDS)
def test_keys_resume(kind: str, key: Callable[[int], Any], trained: Any, tmp_path: Path) -> None:
    path = _fill(tmp_path / f"rig.{kind}", trained, key)
    ordered = [row[0] for row in _ask(path, "SELECT id FROM data ORDER BY id")]
    _ask(
        path,
        "CREATE TABLE later AS SELECT * FROM data ORDER BY id LIMIT -1 OFFSET 250"
        if kind == "sqlite"
        else "CREATE TABLE later AS SELECT * FROM data ORDER BY id OFFSET 250",
    )
    _ask(path, "DELETE FROM data WHERE id IN (SELECT id FROM later)")
    beside.score(trained.scorer, _job(), beside.parse(str(path)))
    _ask(path, "INSERT INTO data SELECT * FROM later")

    second = beside.score(trained.scorer, _job(), beside.parse(str(path)), resume=True)

    assert (second.before, second.rows) == (250, len(ordered) - 250)
    assert [row[0] for row in _ask(path, "SELECT id FROM scores ORDER BY id")] == ordered


@pytest.mark.parametrize("kind", KINDS)
def test_composite_keys_copies_and_contributions(kind: str, trained: Any, tmp_path: Path) -> None:
    path = _fill(tmp_path / f"rig.{kind}", trained)
    query = f"SELECT id % 7 AS plant, id AS \"cy;cle'\", 'n' AS note, {COLUMNS} FROM data -- the end"

    beside.score(
        trained.scorer,
        _job("upsert", query, keys=("plant", "cy;cle'"), include=("note",), contributions="original"),
        beside.parse(str(path)),
    )

    assert np.array_equal(_scores(path, '"cy;cle\'"'), trained.outputs())
    parts = _ask(path, 'SELECT "contrib_low.a" FROM scores ORDER BY "cy;cle\'"')
    assert np.array_equal(np.array(parts)[:, 0], trained.scorer.contributions(trained.data)[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_overwriting_keeps_the_table_until_the_end(kind: str, trained: Any, tmp_path: Path) -> None:
    path = _fill(tmp_path / f"rig.{kind}", trained)
    beside.score(trained.scorer, _job("overwrite"), beside.parse(str(path)))
    _ask(path, "CREATE INDEX kept ON scores (id)", "CREATE VIEW seen AS SELECT count(*) AS n FROM scores")
    broken = _job(
        "overwrite", "SELECT CASE WHEN id = 450 THEN 'x' ELSE '1' END AS a, " + COLUMNS[5:] + ", id FROM data"
    )

    with pytest.raises(scoring.Problem, match="id 450") as caught:
        beside.score(trained.scorer, broken, beside.parse(str(path)))

    assert "which is as it was" in caught.value.detail
    assert np.array_equal(_scores(path), trained.outputs())
    beside.score(
        trained.scorer, _job("overwrite", "SELECT * FROM data WHERE id < 9"), beside.parse(str(path))
    )
    assert _ask(path, "SELECT n FROM seen") == [(9,)]


@pytest.mark.parametrize(("source", "target"), [("sqlite", "duckdb"), ("duckdb", "sqlite")])
def test_from_one_database_to_another(source: str, target: str, trained: Any, tmp_path: Path) -> None:
    path, other = _fill(tmp_path / f"rig.{source}", trained), tmp_path / f"scores.{target}"

    beside.score(trained.scorer, _job("upsert"), beside.parse(str(path)), beside.parse(str(other)))

    assert np.array_equal(_scores(other), trained.outputs())
    tables = _ask(
        path, "SELECT name FROM sqlite_master WHERE type = 'table'" if source == "sqlite" else "SHOW TABLES"
    )
    assert tables == [("data",)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT * FROM nowhere", "missing_table"),
        ("SELECT id FROM data", "missing_field"),
        ("SELECT id % 3 AS id, " + COLUMNS + " FROM data", "invalid_key"),
        ("SELECT nullif(id, 3) AS id, " + COLUMNS + " FROM data", "invalid_key"),
        ("DROP TABLE data", "query_refused"),
        ("UPDATE data SET a = 1 RETURNING *", "query_refused"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_told(kind: str, query: str, code: str, trained: Any, tmp_path: Path) -> None:
    path = _fill(tmp_path / f"rig.{kind}", trained)

    with pytest.raises(scoring.Problem) as caught:
        beside.score(trained.scorer, _job("overwrite", query), beside.parse(str(path)))

    assert caught.value.code == code, str(caught.value)
    assert caught.value.hint
    assert len(_ask(path, "SELECT * FROM data")) == len(trained.table)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_not_there_is_not_made(kind: str, trained: Any, tmp_path: Path) -> None:
    with pytest.raises(scoring.Problem, match="cannot open the file"):
        beside.score(trained.scorer, _job(), beside.parse(str(tmp_path / f"no.{kind}")))

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_whole_chunks(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _fill(tmp_path / "rig.sqlite", trained)
    whole = sqlite3.connect

    def small(*words: Any, **more: Any) -> sqlite3.Connection:
        connection = whole(*words, **more)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        return connection

    with monkeypatch.context() as full:
        full.setattr(sqlite3, "connect", small)
        with pytest.raises(scoring.Problem) as caught:
            beside.score(trained.scorer, _job(), beside.parse(str(path)))

    assert caught.value.code == "disk_full"
    (rows,) = _ask(path, "SELECT count(*) FROM scores")[0]
    assert rows % 100 == 0
    assert rows < len(trained.table)
    beside.score(trained.scorer, _job(), beside.parse(str(path)), resume=True)
    assert np.array_equal(_scores(path), trained.outputs())


KILLED = """
import sys, time, scoring
from scoring_sql import beside
job = beside.Job("SELECT * FROM data", ("id",), beside.Name.parse("scores"), chunk_rows=20)
beside.score(scoring.load(open(sys.argv[2], "rb").read()), job, beside.parse(sys.argv[1]), resume=True,
             watch=lambda rows, seconds: (print(rows, flush=True), time.sleep(float(sys.argv[3]))))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_resumes_exactly_once(kind: str, trained: Any, tmp_path: Path) -> None:
    path, artifact = _fill(tmp_path / f"rig.{kind}", trained), tmp_path / "x.pipeline"
    trained.scorer.artifact.write(artifact)
    command = [sys.executable, "-c", KILLED, str(path), str(artifact)]
    for _ in range(2):
        with subprocess.Popen([*command, "0.05"], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.12)
            os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(scoring.Problem, match="--resume"):
        beside.score(trained.scorer, _job(chunk_rows=50), beside.parse(str(path)))

    done = subprocess.run([*command, "0"], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert _ask(path, "SELECT count(*), count(DISTINCT id) FROM scores") == [(600, 600)]
    assert np.array_equal(_scores(path), trained.outputs())


def test_mixed_cells_of_sqlite(trained: Any, tmp_path: Path) -> None:
    path = _fill(tmp_path / "rig.sqlite", trained)
    _ask(path, 'UPDATE data SET a = CAST(a AS TEXT), "c""c" = CAST("c""c" AS INTEGER) WHERE id % 2')

    beside.score(trained.scorer, _job(), beside.parse(str(path)))

    assert len(_scores(path)) == len(trained.table)
