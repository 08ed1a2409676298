# ruff: noqa: E501 -- statements are left whole
"""Scoring next to MariaDB by SQLAlchemy: what works for it works for the other databases that it speaks to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pymysql
import pytest
import scoring
from scoring_sql import beside

EXAMPLE = Path(__file__).parents[3] / "local-rest-scorer" / "example" / "cooler.pipeline"
ROWS = 2000
QUERY = "SELECT * FROM cycles"
RUN = """
import sys, time, scoring
from scoring_sql import beside
job = beside.Job("SELECT * FROM cycles", ("id",), beside.Name.parse("scores"), chunk_rows=100)
done = beside.score(scoring.load(sys.argv[2]), job, beside.parse(sys.argv[1]), resume=True,
                    watch=lambda rows, seconds: (print(rows, flush=True), time.sleep(float(sys.argv[3]))))
"""


@pytest.fixture(scope="module")
def scorer() -> scoring.Scorer:
    return scoring.load(EXAMPLE)


@pytest.fixture(scope="module")
def rows(scorer: scoring.Scorer) -> np.ndarray:
    random = np.random.default_rng(1)
    X = np.column_stack(
        [random.uniform(field.minimum or 0, field.maximum or 0, ROWS) for field in scorer.schema]
    )
    X[random.random(X.shape) < 0.1] = np.nan
    return X


@pytest.fixture(scope="module")
def server(mariadb: Any, scorer: scoring.Scorer, rows: np.ndarray) -> Iterator[Any]:
    connection = pymysql.connect(unix_socket=str(mariadb.socket), user=mariadb.user, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE beside CHARACTER SET utf8mb4")
        cursor.execute("USE beside")
        cursor.execute(
            f"CREATE TABLE cycles (id INT PRIMARY KEY, {', '.join(f'{name} DOUBLE' for name in scorer.schema.names)})"
        )
        cells = [
            (place, *(None if cell != cell else cell for cell in row.tolist()))
            for place, row in enumerate(rows)
        ]
        cursor.executemany(
            f"INSERT INTO cycles VALUES ({', '.join(['%s'] * (len(scorer.schema) + 1))})", cells
        )
    yield connection
    connection.close()


@pytest.fixture
def ask(server: Any) -> Any:
    def call(statement: str) -> Any:
        with server.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    for (name,) in call("SHOW TABLES"):
        if name != "cycles":
            call(f"DROP TABLE `{name.replace('`', '``')}`")
    return call


@pytest.fixture
def address(mariadb: Any) -> beside.Address:
    return beside.parse(
        f"mysql+pymysql://{mariadb.user}@localhost/beside?unix_socket={mariadb.socket}&charset=utf8mb4"
    )


def _job(mode: str = "append", query: str = QUERY, **more: Any) -> beside.Job:
    more = {"keys": ("id",), "table": beside.Name.parse("scores"), "chunk_rows": 300, **more}
    return beside.Job(query, mode=mode, **more)


def _scores(ask: Any, order: str = "id") -> np.ndarray:
    names = ", ".join(f"`{name}`" for name in scoring.load(EXAMPLE).output_names)
    return np.array(ask(f"SELECT {names} FROM scores ORDER BY {order}"), float)


@pytest.mark.parametrize("mode", beside.MODES)
def test_scores_are_the_engines(
    mode: str, ask: Any, address: beside.Address, scorer: scoring.Scorer, rows: np.ndarray
) -> None:
    for _ in range(1 if mode == "append" else 2):
        summary = beside.score(scorer, _job(mode), address)

        assert summary.rows == ROWS
        assert "InnoDB" in summary.guarantee
        assert np.array_equal(_scores(ask), scorer.outputs(rows))
    assert ask("SELECT state, done FROM scoring_jobs") == (("finished", ROWS),)


@pytest.mark.parametrize(
    "key",
    ["id", "CONCAT('k%s :x \\\\ ', LPAD(id, 5, '0'))", "TIMESTAMP '2020-01-01 00:00:00' + INTERVAL id * 1000001 MICROSECOND",
     "CAST(id / 7 AS DECIMAL(20, 6))", "DATE '2020-01-01' + INTERVAL id DAY"],
)  # fmt: skip
def test_keys_of_any_type_resume(key: str, ask: Any, address: beside.Address, scorer: scoring.Scorer) -> None:
    query = f"SELECT {key} AS k, cycles.* FROM cycles WHERE id < (SELECT max(n) FROM stop)"
    ask("CREATE TABLE stop AS SELECT 470 AS n")
    beside.score(scorer, _job(query=query, keys=("k",)), address)
    ask("INSERT INTO stop VALUES (950)")

    second = beside.score(scorer, _job(query=query, keys=("k",)), address, resume=True)

    assert (second.before, second.rows) == (470, 480)
    expected = ask(query.replace(", cycles.*", "") + " ORDER BY k")
    assert ask("SELECT k FROM scores ORDER BY k") == expected


def test_composite_keys_and_hostile_names(
    ask: Any, address: beside.Address, scorer: scoring.Scorer, rows: np.ndarray
) -> None:
    query = (
        "SELECT id DIV 100 AS `p``l%s`, id % 100 AS `c:y;--`, 'n%' AS `n(o)`, cycles.* FROM cycles -- the end"
    )
    name = beside.Name(("a`b; DROP TABLE cycles; -- %s :x",))

    beside.score(
        scorer, _job("upsert", query, keys=("p`l%s", "c:y;--"), include=("n(o)",), table=name), address
    )

    found = ask("SELECT * FROM `a``b; DROP TABLE cycles; -- %s :x` ORDER BY 1, 2")
    assert [row[:3] for row in found[:2]] == [(0, 0, "n%"), (0, 1, "n%")]
    assert np.array_equal(np.array([row[3:] for row in found], float), scorer.outputs(rows))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT * FROM nowhere", "missing_table"),
        ("SELECT id FROM cycles", "missing_field"),
        ("DELETE FROM cycles", "query_refused"),
        ("SELECT cycles.*, writes() AS w FROM cycles", "query_refused"),
    ],
)
def test_what_is_wrong_is_told(
    query: str, code: str, ask: Any, address: beside.Address, scorer: scoring.Scorer
) -> None:
    ask("DROP FUNCTION IF EXISTS writes")
    ask("CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM cycles; RETURN 1; END")

    with pytest.raises(scoring.Problem) as caught:
        beside.score(scorer, _job("overwrite", query), address)

    assert caught.value.code == code, str(caught.value)
    assert ask("SELECT count(*) FROM cycles") == ((ROWS,),)
    assert ask("SHOW TABLES LIKE 'scores'") == ()


def test_permission_denied(ask: Any, mariadb: Any, scorer: scoring.Scorer) -> None:
    ask("CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 's3cret'")
    ask("GRANT SELECT ON beside.* TO reader@localhost")
    url = f"mysql+pymysql://reader:s3cret@localhost/beside?unix_socket={mariadb.socket}"

    with pytest.raises(scoring.Problem) as caught:
        beside.score(scorer, _job(), beside.parse("env:RIG", {"RIG": url}))

    assert caught.value.code == "permission_denied", str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_killed_run_resumes_exactly_once(
    ask: Any, address: beside.Address, scorer: scoring.Scorer, rows: np.ndarray
) -> None:
    command = [sys.executable, "-c", RUN, address.place, str(EXAMPLE)]
    for _ in range(2):
        with subprocess.Popen([*command, "0.05"], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.1)
            os.kill(process.pid, signal.SIGKILL)

    done = subprocess.run([*command, "0"], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert ask("SELECT count(*), count(DISTINCT id) FROM scores") == ((ROWS, ROWS),)
    assert np.array_equal(_scores(ask), scorer.outputs(rows))
