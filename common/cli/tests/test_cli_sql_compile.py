"""`scoring sql compile` writes SQL that the database runs, or says why not."""

import sqlite3
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parent.parent.parent.parent / "local-rest-scorer" / "example" / "cooler.pipeline"


def test_the_statement_scores(inside: Any, tmp_path: Path) -> None:
    import scoring

    scorer = scoring.load(EXAMPLE)
    samples = scorer.artifact.samples

    target = tmp_path / "q.sql"
    words = ["--dialect", "sqlite", "--include", "row", "-o", str(target)]
    done = inside("sql", "compile", str(EXAMPLE), *words)

    assert done.returncode == 0, done.stderr
    connection = sqlite3.connect(":memory:")
    connection.execute(
        f"CREATE TABLE data (row, {', '.join(f'{name} REAL' for name in scorer.schema.names)})"
    )
    rows = [(i, *row) for i, row in enumerate(samples["rows"])]
    connection.executemany(f"INSERT INTO data VALUES ({', '.join('?' * len(rows[0]))})", rows)
    found = connection.execute(target.read_text()).fetchall()
    connection.close()
    labels = [max(range(3), key=lambda k: row[k + 1]) for row in sorted(found)]
    assert labels == [max(range(3), key=lambda k: row[k]) for row in samples["output"]]


def test_without_a_file_the_statement_is_the_result(inside: Any) -> None:
    done = inside("sql", "compile", str(EXAMPLE), "--dialect", "duckdb")

    assert done.returncode == 0
    assert done.stdout.startswith("-- Scoring pipeline simulated-hydraulic")
    assert done.stderr == ""


def test_a_misspelt_dialect_is_told(inside: Any, tmp_path: Path) -> None:
    done = inside("sql", "compile", str(EXAMPLE), "--dialect", "postgers", "-o", str(tmp_path / "q.sql"))

    assert done.returncode == 1
    assert "Did you mean postgres?" in done.stderr
    assert not list(tmp_path.glob("*q.sql*"))
