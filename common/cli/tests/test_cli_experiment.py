import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scoring

START = (sys.executable, "-c", "from scoring_cli.main import main; main()")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 240))
    color = np.array(["red", "green"])[random.integers(0, 2, 240)]
    heat = np.where(a + b * (color == "red") + random.normal(0, 0.3, 240) > 0, "hot", "cold")
    path = tmp_path_factory.mktemp("data") / "heat.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "color", "id", "heat"], *zip(a, b, color, range(240), heat, strict=True)]
        )
    return path


def test_an_experiment_tells_writes_and_scores(run, data, tmp_path):
    done = run(
        *("experiment", data, "--target", "heat", "-o", "heat.pipeline", "--report", "heat.html"),
        *("--predictions", "held-out.csv", "--budget", 1, "--seed", 3, "--drop", "id", "--threads", 1),
    )

    told = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    for words in ("binomial, target heat, labels cold, hot", "log_loss", " ± ", "[95% interval]", "heat.csv"):
        assert words in told
    for name in ("heat.pipeline", "heat.html", "held-out.csv"):
        assert name in told
        assert (tmp_path / name).stat().st_size > 1000
    assert "SIMULATED" not in told
    assert done.stderr.decode() == "Next: scoring inspect heat.pipeline\n"
    scorer = scoring.load(tmp_path / "heat.pipeline")
    assert "id" not in scorer.schema.names
    assert scorer.labels == ("cold", "hot")

    assert run("verify", "heat.pipeline").returncode == 0
    scored = run("score", "heat.pipeline", data, "-o", "scores.csv", "--include", "id,heat")
    rows = list(csv.DictReader((tmp_path / "scores.csv").read_text().splitlines()))
    assert scored.returncode == 0, scored.stderr.decode()
    right = sum((float(row["heat.hot"]) > 0.5) == (row["heat"] == "hot") for row in rows)
    assert right / len(rows) > 0.8
    assert json.loads(run("inspect", "heat.pipeline", "--json").stdout)["missing"] == dict.fromkeys(
        ("a", "b", "color"), 0.0
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "heet"], "heat"),
        ([], "--target"),
        (["--target", "heat", "--report", "no/folder/report.html"], "mkdir -p no/folder"),
        (["--target", "heat", "--recipe", "no_such"], "What to do"),
    ],
)
def test_what_cannot_be_is_said_before_time_is_spent(inside, data, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)

    done = inside("experiment", data, *words, "-o", "heat.pipeline")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_no_files(data, tmp_path):
    words = [*START, "experiment", str(data), "--target", "heat", "--budget", "600", "-o", "heat.pipeline"]

    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        talk = process.stderr.read().decode()
        code = process.wait()

    assert code == 130
    assert "Traceback" not in talk
    assert list(tmp_path.iterdir()) == []
