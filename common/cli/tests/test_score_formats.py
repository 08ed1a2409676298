import csv
import gzip
import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scoring
from scoring_cli import batch

NAMES = ["size", "count", "open", "color", "since", "grade", "weight"]
TASKS = ["regression", "binomial", "multinomial"]


def write(path: Path, rows: list[list[str]], names: list[str] = NAMES) -> Path:
    """Write cells in the format that the path's extension names."""
    text = io.StringIO(newline="")
    if ".ndjson" in path.name or ".jsonl" in path.name:
        text.writelines(
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n" for row in rows
        )
    else:
        delimiter = "\t" if ".tsv" in path.name else ","
        csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([names, *rows])
    data = text.getvalue().encode()
    if path.suffix == ".parquet":
        columns = list(zip(*rows, strict=True)) or [[] for _ in names]
        pq.write_table(pa.table([pa.array(column, pa.string()) for column in columns], names=names), path)
    else:
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path: Path) -> dict[str, list]:
    """Read an output back as columns."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode()
    if ".ndjson" in path.name:
        rows = [json.loads(line) for line in text.splitlines()]
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else [])}
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t" if ".tsv" in path.name else ","))
    return {name: [row[k] for row in found[1:]] for k, name in enumerate(found[0])}


def bits(values: object) -> list[bytes]:
    return [struct.pack("<d", float(value)) for value in values]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".ndjson", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("out", [".csv", ".parquet"])
def test_scores_are_those_of_predict_bit_for_bit(pipelines, tmp_path, task, ending, out, cells):
    scorer = scoring.load(pipelines[task])
    rows = cells(300)
    source = write(tmp_path / f"in{ending}", rows)

    summary = batch.score(scorer, str(source), str(tmp_path / f"out{out}"))

    found = read(tmp_path / f"out{out}")
    expected = scorer.outputs(rows)
    assert list(found) == list(scorer.output_names)
    for k, name in enumerate(scorer.output_names):
        assert bits(found[name]) == bits(expected[:, k])
    assert (summary.rows, summary.written, summary.faulty_rows) == (300, 300, 0)
    assert summary.unseen["color"] == sum(row[3] == "violet" for row in rows)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["original", "transformed"])
def test_contributions_are_those_of_the_scorer(pipelines, tmp_path, task, kind, cells):
    scorer = scoring.load(pipelines[task])
    rows = cells(40)
    source = write(tmp_path / "in.csv", rows)

    batch.score(scorer, str(source), str(tmp_path / "out.csv"), batch.Options(contributions=kind))

    found = read(tmp_path / "out.csv")
    expected = scorer.contributions(rows, kind)
    names = list(found)[len(scorer.output_names) :]
    groups = [f"{label}." for label in scorer.labels] if task == "multinomial" else [""]
    assert names == [f"contrib_{group}{name}" for group in groups for name in [*NAMES, "bias"]]
    for k, name in enumerate(names):
        assert bits(found[name]) == bits(expected[:, k])


def test_columns_stand_in_any_order_and_others_are_ignored(binomial, tmp_path, cells):
    rows = cells(50)
    order = [6, 2, 0, 5, 1, 4, 3]
    shuffled = [["x", *(row[k] for k in order), "y,"] for row in rows]
    source = write(tmp_path / "in.csv", shuffled, ["id", *(NAMES[k] for k in order), "more"])

    batch.score(binomial, str(source), str(tmp_path / "out.csv"))

    assert bits(read(tmp_path / "out.csv")["y.yes"]) == bits(binomial.predict(rows))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".ndjson", ".parquet"])
@pytest.mark.parametrize("out", [".csv", ".tsv", ".ndjson", ".parquet"])
def test_included_columns_are_copied_as_they_are(binomial, tmp_path, ending, out, cells):
    rows = cells(30)
    note = [
        "plain",
        'a "quoted" word',
        "two\nlines",
        "comma, semicolon; tab\t",
        " blanks ",
        "",
        "ünï 🙂",
        "\\",
        "5.10",
    ]
    marked = [[note[k % len(note)], *row] for k, row in enumerate(rows)]
    source = write(tmp_path / f"in{ending}", marked, ["note", *NAMES])

    batch.score(binomial, str(source), str(tmp_path / f"out{out}"), batch.Options(include=("note", "size")))

    found = read(tmp_path / f"out{out}")
    assert list(found) == ["note", "size", "y.no", "y.yes"]
    assert found["note"] == [row[0] for row in marked]
    assert found["size"] == [row[0] for row in rows]
    assert bits(found["y.yes"]) == bits(binomial.predict(rows))


def test_a_star_copies_every_column(binomial, tmp_path, cells):
    source = write(tmp_path / "in.csv", cells(3))

    batch.score(binomial, str(source), str(tmp_path / "out.csv"), batch.Options(include=("*",)))

    assert list(read(tmp_path / "out.csv")) == [*NAMES, "y.no", "y.yes"]


def test_parquet_keeps_types_of_included_columns_and_reads_typed_inputs(binomial, tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int16()),
            "day": pa.array([0, 1, None], pa.date32()),
            "size": pa.array([1.5, None, float("nan")]),
            "count": pa.array([3, -999, 12], pa.int32()),
            "open": pa.array([True, None, False]),
            "color": pa.array(["red", "weiß", None]).dictionary_encode(),
            "since": pa.array([1517400000000, None, 10**12], pa.timestamp("ms", "UTC")),
            "grade": pa.array([1, 2, 5], pa.int8()),
            "weight": pa.array([0.25, 1.0, None], pa.float32()),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    rows = [
        [1.5, 3, True, "red", "2018-01-31T12:00:00Z", 1, 0.25],
        [None, None, None, "weiß", None, 2, 1.0],
        [None, 12, False, None, "2001-09-09T01:46:40", 5, None],
    ]

    options = batch.Options(include=("id", "day"))
    batch.score(binomial, str(tmp_path / "in.parquet"), str(tmp_path / "out.parquet"), options)

    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.field("id").type == pa.int16()
    assert found.schema.field("day").type == pa.date32()
    assert found.column("id").to_pylist() == [1, 2, 3]
    assert bits(found.column("y.yes").to_pylist()) == bits(binomial.predict(rows))


def test_json_values_of_included_columns_keep_their_kind(binomial, tmp_path, cells):
    row = dict(zip(NAMES, cells(1)[0], strict=True))
    kept = [5, 5.5, True, None, "5", [1, {"a": "b"}], "null"]
    lines = [json.dumps({**row, "extra": value}) for value in kept]
    (tmp_path / "in.ndjson").write_text("\n".join(lines))

    batch.score(
        binomial, str(tmp_path / "in.ndjson"), str(tmp_path / "o.ndjson"), batch.Options(include=("extra",))
    )
    batch.score(
        binomial, str(tmp_path / "in.ndjson"), str(tmp_path / "o.csv"), batch.Options(include=("extra",))
    )

    assert read(tmp_path / "o.ndjson")["extra"] == kept
    assert read(tmp_path / "o.csv")["extra"] == ["5", "5.5", "true", "", "5", '[1, {"a": "b"}]', "null"]


def test_typed_json_takes_the_fast_way_to_the_same_bits(binomial, tmp_path):
    rows = [[1.5, 3, None, "red", None, 2, 0.1], [-7, -999, True, "weiß", "2018-01-31", 5.0, None]]
    lines = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in rows]
    (tmp_path / "in.ndjson").write_text("\n".join(lines) + "\n")

    batch.score(binomial, str(tmp_path / "in.ndjson"), str(tmp_path / "o.parquet"))

    assert bits(read(tmp_path / "o.parquet")["y.yes"]) == bits(binomial.predict(rows))


def test_wide_answers_are_written_in_parts_that_make_no_difference(pipelines, tmp_path, monkeypatch, cells):
    scorer = scoring.load(pipelines["multinomial"])
    rows = [row if k % 9 else ["x", *row[1:]] for k, row in enumerate(cells(300))]
    source = write(tmp_path / "in.csv", rows)
    options = batch.Options(include=("color",), contributions="original", errors="null")
    batch.score(scorer, str(source), str(tmp_path / "one.csv"), options)
    monkeypatch.setattr("scoring_cli.batch.run.CELLS", 1)

    batch.score(scorer, str(source), str(tmp_path / "parts.csv"), options)

    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_many_blocks_give_what_one_gives(binomial, tmp_path, monkeypatch, cells):
    rows = [[*row[:3], row[3] if k % 7 else "a\nb", *row[4:]] for k, row in enumerate(cells(500))]
    source = write(tmp_path / "in.csv", rows)
    batch.score(binomial, str(source), str(tmp_path / "one.csv"))
    monkeypatch.setattr("scoring_cli.batch.block.blocks.__defaults__", (257,))

    batch.score(binomial, str(source), str(tmp_path / "many.csv"))

    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


@pytest.mark.parametrize("out", ["out.csv", "out.csv.gz", "out.parquet", "out.ndjson"])
@pytest.mark.parametrize("threads", [1, 2, 0])
def test_the_same_run_gives_the_same_bytes(binomial, tmp_path, out, threads, cells):
    source = write(tmp_path / "in.csv", cells(200))
    batch.score(binomial, str(source), str(tmp_path / f"first-{out}"), batch.Options(threads=1))

    batch.score(binomial, str(source), str(tmp_path / f"then-{out}"), batch.Options(threads=threads))

    assert (tmp_path / f"then-{out}").read_bytes() == (tmp_path / f"first-{out}").read_bytes()


def test_doubles_are_written_with_the_digits_that_read_back(binomial, tmp_path, cells):
    rows = cells(2000, seed=11)
    source = write(tmp_path / "in.csv", rows)
    batch.score(binomial, str(source), str(tmp_path / "out.csv"), batch.Options(contributions="original"))

    found = read(tmp_path / "out.csv")
    parts = binomial.contributions(rows)

    assert bits(np.concatenate([np.array(found[f"contrib_{name}"], float) for name in NAMES])) == bits(
        parts[:, : len(NAMES)].T.ravel()
    )
    assert max(map(len, found["y.yes"])) <= 22


IMPORTS = """
import sys
import scoring
from scoring_cli import batch
scorer = scoring.load(sys.argv[1])
for data, out in zip(sys.argv[2::2], sys.argv[3::2]):
    batch.score(scorer, data, out, batch.Options(include=("color", "size"), errors="null"))
    batch.score(scorer, data, out, batch.Options(errors="skip"))
print(sorted({"pandas", "polars", "lightgbm"} & set(sys.modules)))
"""


def test_no_other_library_is_loaded(pipelines, tmp_path, cells):
    rows = [*cells(20), ["x", *cells(1)[0][1:]]]
    words = []
    for ending in ("csv", "tsv", "ndjson", "parquet"):
        words += [str(write(tmp_path / f"in.{ending}", rows)), str(tmp_path / f"out.{ending}")]

    start = [sys.executable, "-c", IMPORTS, str(pipelines["binomial"])]
    done = subprocess.run([*start, *words], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
