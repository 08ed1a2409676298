"""`run`: SQL over the samples and over files, with the engine's own scores."""

import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import pytest
from scoring.problem import Problem
from sql_scorer.__main__ import main
from sql_scorer.embedded import run


def asked(pipeline: Path, data: str | None = None, query: str | None = None) -> list[dict[str, str]]:
    out = io.StringIO()
    assert run(pipeline, data, query, out) == 0
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def scores(rows: list[dict[str, str]], names: tuple[str, ...]) -> list[list[float]]:
    return [[float(row[name]) for name in names] for row in rows]


def test_the_samples_score_what_the_artifact_says(example: Path, scorer: Any) -> None:
    found = asked(example)

    cells = [list(row) for row in scorer.artifact.samples["rows"]]
    assert [[row[name] for name in scorer.schema.names] for row in found] == cells
    assert scores(found, scorer.output_names) == scorer.outputs(cells).tolist()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_scores_as_the_engine_does(
    example: Path, scorer: Any, rows: list[list[str]], tmp_path: Path, kind: str
) -> None:
    text = tmp_path / "it's data.csv"
    changed = [[*row[:-1], ""] for row in rows]
    with text.open("w", newline="") as file:
        csv.writer(file).writerows([["cycle", *scorer.schema.names], [1, *rows[0]], [2, *changed[0]]])
    data = text
    if kind == "parquet":
        data = text.with_suffix(".parquet")
        source = str(text).replace("'", "''")
        target = str(data).replace("'", "''")
        duckdb.sql(f"COPY (SELECT * FROM '{source}') TO '{target}'")

    found = asked(example, str(data))

    assert [row["cycle"] for row in found] == ["1", "2"]
    assert scores(found, scorer.output_names) == scorer.outputs([rows[0], changed[0]]).tolist()


def test_a_query_of_ones_own(example: Path, scorer: Any) -> None:
    (found,) = asked(example, query='SELECT count(*) AS n, max(score(t)."cool_cond_y.3") AS most FROM data t')

    cells = [list(row) for row in scorer.artifact.samples["rows"]]
    assert int(found["n"]) == len(cells)
    assert float(found["most"]) == scorer.outputs(cells)[:, 0].max()


def test_what_cannot_be_asked_is_explained(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Problem, match=r"none\.csv"):
        asked(example, "none.csv")

    assert main(["run", str(example), "--query", "SELECT score(t) FROM nothing t"]) == 1
    assert "The file is the table `data`" in capsys.readouterr().err
    assert main(["run", "none.pipeline"]) == 1
    assert "none.pipeline" in capsys.readouterr().err
