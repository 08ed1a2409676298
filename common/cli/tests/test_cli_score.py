import csv
import io
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scoring_cli import batch

NAMES = ["size", "count", "open", "color", "since", "grade", "weight"]
START = (sys.executable, "-c", "from scoring_cli.main import main; main()")


@pytest.fixture
def data(tmp_path: Path, cells) -> Path:
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([NAMES, *cells(60)])
    return tmp_path / "in.csv"


def test_results_go_to_the_file_and_talk_to_stderr(run, pipelines, binomial, data, tmp_path, cells):
    done = run("score", pipelines["binomial"], data, "-o", "out.csv", "--include", "size")

    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    talk = done.stderr.decode()
    assert "60 rows written to out.csv" in talk
    assert "cells of color hold a category that training did not see" in talk
    assert talk.splitlines()[-1].startswith("Next: scoring score ")
    assert "\x1b" not in talk
    rows = list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))
    assert rows[0] == ["size", "y.no", "y.yes"]
    assert [float(row[2]) for row in rows[1:]] == binomial.predict(cells(60)).tolist()


def test_a_pipe_goes_in_and_out(run, pipelines, binomial, data, tmp_path):
    batch.score(binomial, str(data), str(tmp_path / "out.csv"))

    done = run("score", pipelines["binomial"], "-", "-o", "-", stdin=data.read_bytes())

    assert done.returncode == 0
    assert done.stdout == (tmp_path / "out.csv").read_bytes()
    assert "60 rows written to stdout" in done.stderr.decode()


@pytest.mark.parametrize("kind", ["csv", "tsv", "ndjson", "parquet"])
def test_a_pipe_may_have_any_format(run, pipelines, binomial, data, tmp_path, kind):
    everything = batch.Options(include=("*",))
    batch.score(binomial, str(data), str(tmp_path / f"all.{kind}"), everything)
    batch.score(binomial, str(data), str(tmp_path / f"want.{kind}"))
    stored = (tmp_path / f"all.{kind}").read_bytes()

    done = run("score", pipelines["binomial"], "-", "-o", "-", "--format", kind, stdin=stored)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / f"want.{kind}").read_bytes()


def test_bad_rows_are_said_in_three_parts(run, pipelines, data, tmp_path):
    lines = data.read_text().splitlines()
    lines[4] = "x," + lines[4].partition(",")[2]
    data.write_text("\n".join(lines))

    done = run("score", pipelines["binomial"], data, "-o", "out.csv")

    talk = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert talk[0].startswith("Error: ")
    assert talk[1].startswith("  line 5, size: a number is wanted")
    assert talk[-1].startswith("What to do: ")
    assert "Traceback" not in done.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_skipped_rows_are_counted_and_listed(run, pipelines, data, tmp_path):
    data.write_text(data.read_text() + "x" + ",1" * 6 + "\n")

    done = run("score", pipelines["binomial"], data, "-o", "out.csv", "--errors", "skip")

    talk = done.stderr.decode()
    assert done.returncode == 0
    assert "line 62, size: a number is wanted" in talk
    assert "1 rows are left out; all are listed in out.csv.errors.csv" in talk
    assert (tmp_path / "out.csv.errors.csv").exists()


def test_a_reader_that_goes_away_is_no_event(pipelines, data, tmp_path):
    big = tmp_path / "big.csv"
    lines = data.read_text().partition("\n")
    big.write_text(lines[0] + "\n" + lines[2] * 3000)
    words = [*START, "score", str(pipelines["binomial"]), str(big), "-o", "-"]

    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"y.no,y.yes\n"
        process.stdout.close()
        talk = process.stderr.read()
        code = process.wait()

    assert code == 1
    assert talk == b""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_nothing_behind(pipelines, data, tmp_path, number, code):
    words = [*START, "score", str(pipelines["binomial"]), "-", "-o", str(tmp_path / "out.csv")]
    head, _, rows = data.read_text().partition("\n")

    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(f"{head}\n{rows * 2500}".encode())  # more than a block, and more is to come
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".out.csv.*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        talk = process.stderr.read().decode()
        found = process.wait()

    assert found == code
    assert "Traceback" not in talk
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def on_a_terminal(words: list[str], **environment: str) -> str:
    """Run with stderr on a terminal and return what it shows."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=slave, env={**os.environ, "TERM": "xterm", **environment}
    )
    os.close(slave)
    shown = io.BytesIO()
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        shown.write(piece)
    process.wait()
    os.close(master)
    return shown.getvalue().decode()


def test_progress_and_colour_are_for_terminals_and_no_color_is_honoured(pipelines, data, tmp_path):
    words = [*START, "score", str(pipelines["binomial"]), str(data), "-o", str(tmp_path / "out.csv")]

    shown = on_a_terminal(words, NO_COLOR="")
    plain = on_a_terminal(words, NO_COLOR="1")

    assert "rows scored" in shown
    assert "\x1b[1mscoring" in shown
    assert "Next: scoring" in plain
