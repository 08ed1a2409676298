"""`scoring sql`: queries that score, and rows of a database scored into a table."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scoring

EXAMPLE = Path(__file__).parents[3] / "local-rest-scorer" / "example" / "cooler.pipeline"


@pytest.fixture(scope="module")
def scorer() -> scoring.Scorer:
    return scoring.load(EXAMPLE)


@pytest.fixture
def rows(scorer: scoring.Scorer) -> np.ndarray:
    random = np.random.default_rng(1)
    X = np.column_stack(
        [random.uniform(field.minimum or 0, field.maximum or 0, 90) for field in scorer.schema]
    )
    X[random.random(X.shape) < 0.1] = np.nan
    return X


@pytest.fixture
def cycles(scorer: scoring.Scorer, rows: np.ndarray, tmp_path: Path) -> Path:
    columns = {
        name: pa.array(rows[:, place], from_pandas=True) for place, name in enumerate(scorer.schema.names)
    }
    pq.write_table(pa.table({"cycle": range(len(rows)), **columns}), tmp_path / "cycles.parquet")
    return tmp_path / "cycles.parquet"


@pytest.fixture
def rig(scorer: scoring.Scorer, rows: np.ndarray, tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "rig.sqlite")) as connection, connection:
        connection.execute(
            f"CREATE TABLE cycles (cycle INTEGER PRIMARY KEY, {', '.join(scorer.schema.names)})"
        )
        cells = [
            (place, *(None if cell != cell else cell for cell in row))
            for place, row in enumerate(rows.tolist())
        ]
        connection.executemany(f"INSERT INTO cycles VALUES ({', '.join('?' * len(cells[0]))})", cells)
    return tmp_path / "rig.sqlite"


def _query(cycles: Path, columns: str = "cycle, score(t)") -> str:
    return f"select {columns} from '{cycles}' t order by cycle"


def test_rows_on_the_screen(inside: Any, cycles: Path, scorer: scoring.Scorer, rows: np.ndarray) -> None:
    expected = scorer.outputs(rows)

    shown = inside("sql", EXAMPLE, _query(cycles))
    text = inside("sql", EXAMPLE, _query(cycles), "--format", "csv")
    lines = inside("sql", EXAMPLE, _query(cycles, "cycle, score(t) as s"), "--format", "json")

    assert shown.stdout.splitlines()[0].split() == ["cycle", *scorer.output_names]
    assert "more than 40 rows" in shown.stdout
    header, *cells = csv.reader(io.StringIO(text.stdout))
    assert header == ["cycle", *scorer.output_names]
    assert np.array_equal(np.array(cells, float)[:, 1:], expected)
    found = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [list(line["s"].values()) for line in found] == expected.tolist()
    assert shown.stderr + text.stderr + lines.stderr == ""


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".ndjson"])
def test_rows_in_a_file(
    suffix: str, inside: Any, cycles: Path, tmp_path: Path, scorer: scoring.Scorer, rows: np.ndarray
) -> None:
    target = tmp_path / f"scores{suffix}"

    done = inside("sql", EXAMPLE, _query(cycles, "unnest(score(t))"), "-o", target)

    assert done.returncode == 0, done.stderr
    if suffix == ".csv":
        found = list(csv.reader(io.StringIO(target.read_text())))[1:]
    elif suffix == ".ndjson":
        found = [list(json.loads(line).values()) for line in target.read_text().splitlines()]
    else:
        table = (
            pq.read_table(target)
            if suffix == ".parquet"
            else pa.ipc.open_file(target.read_bytes()).read_all()
        )
        found = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    assert np.array_equal(np.array(found, float), scorer.outputs(rows))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select score(t) from (select 1 as psa_barr) t", "Did you mean 'psa_barr'?"),
        ("select score(1, 2)", "takes one row or 17 columns"),
        ("select * from 'nothing.parquet'", "nothing.parquet"),
        ("selec 1", "selec"),
        ("", "is empty"),
        ("attach 'x.db' as s (type sqlite); select 1", "--attach"),
        ("create table t (a int)", "gives no rows"),
        ("select score(t) from (select * replace ('s3cret' as psa_bar) from '{}') t", "psa_bar"),
    ],
)
def test_what_is_wrong_is_told(query: str, words: str, inside: Any, cycles: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"

    done = inside("sql", EXAMPLE, query.replace("{}", str(cycles)), "-o", target)

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
    assert not list(tmp_path.glob("*out.csv*"))


def test_a_database_beside(
    inside: Any, rig: Path, tmp_path: Path, scorer: scoring.Scorer, rows: np.ndarray
) -> None:
    query = "create table t as select * from rig.cycles; select unnest(score(t)) from t order by cycle"

    done = inside("sql", EXAMPLE, query, "--attach", f"rig={rig}", "--format", "csv")

    assert done.returncode == 0, done.stderr
    assert np.array_equal(
        np.array(list(csv.reader(io.StringIO(done.stdout)))[1:], float), scorer.outputs(rows)
    )
    assert "rig.cycles: 90 rows read" in done.stderr
    written = inside(
        "sql", EXAMPLE, "create table rig.s as select 1 as a; from rig.s", "--attach", f"rig={rig}"
    )
    assert written.returncode == 1
    assert "rig is read only" in written.stderr
    wrong = inside("sql", EXAMPLE, query, "--attach", "postgresql://ada:s3cret@db/rig")
    assert wrong.returncode == 1
    assert inside("sql", EXAMPLE, query, "--attach", "rig=postgresql://ada:s3cret@db/rig").returncode == 1


def test_rows_of_a_database_are_scored_into_a_table(
    inside: Any, rig: Path, scorer: scoring.Scorer, rows: np.ndarray
) -> None:
    words = ["sql", "score", EXAMPLE, "--source", rig, "--query", "select * from cycles", "--id", "cycle"]

    dry = inside(*words, "--into", "scores", "--dry-run")
    done = inside(*words, "--into", "scores", "--chunk-rows", "20")
    again = inside(*words, "--into", "scores", "--chunk-rows", "20", "--resume")

    assert dry.returncode == done.returncode == again.returncode == 0, dry.stderr + done.stderr + again.stderr
    assert dry.stdout.split()[:2] == ["cycle", "cool_cond_y.3"]
    assert "nothing was written" in dry.stderr
    assert "90 rows written to scores" in done.stderr
    assert "exactly once" in done.stderr
    assert "0 rows written to scores, 90 before" in again.stderr
    with closing(sqlite3.connect(rig)) as connection:
        found = connection.execute("SELECT * FROM scores ORDER BY cycle").fetchall()
    assert np.array_equal(np.array(found)[:, 1:], scorer.outputs(rows))


def test_a_password_on_the_command_line_is_refused(inside: Any) -> None:
    url = "postgresql://ada:s3cret@db.example/rig"

    done = inside("sql", "score", EXAMPLE, "--source", url, "--query", "select 1", "--id", "a", "--into", "t")

    assert done.returncode == 1
    assert "env:NAME" in done.stderr
    assert "s3cret" not in done.stderr


def test_the_command_ends_quietly(run: Any, cycles: Path) -> None:
    done = run("sql", EXAMPLE, _query(cycles), "--format", "csv")

    assert done.returncode == 0
    assert done.stderr == b""
