"""The service: settings from the environment, and a server in the background that comes and goes."""

import os
import shutil
import subprocess
import sys
import urllib.request

import pytest
import scoring
from scoring.problem import Problem
from skeleton_scorer import background
from skeleton_scorer.service import settings


def test_what_the_environment_says_is_taken(example):
    made = settings(example / "cooler.pipeline", {"PORT": "9", "TAGS": "team=rig\nplace=hall 2"})

    assert (made.host, made.port, made.workers) == ("127.0.0.1", 9, 1)
    assert made.labels == (("team", "rig"), ("place", "hall 2"))


def test_a_wrong_setting_is_named(example):
    with pytest.raises(Problem, match="PORT is 'a'"):
        settings(example / "cooler.pipeline", {"PORT": "a"})


def test_a_server_comes_scores_and_goes(example, port, tmp_path):
    shutil.copy(example / "cooler.pipeline", tmp_path / background.ARTIFACT)
    body = (example / "request.json").read_bytes()

    background.start(tmp_path, {**os.environ, "PORT": port})
    try:
        with pytest.raises(Problem, match="A server runs in"):
            background.start(tmp_path, {**os.environ, "PORT": port})
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/model/score", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read() == scoring.load(example / "cooler.pipeline").score_json(body)
    finally:
        background.stop(tmp_path)

    assert b'"cut": 0' in (tmp_path / "log").read_bytes()
    background.stop(tmp_path)  # nothing runs, and nothing happens


def test_a_server_that_cannot_start_says_why(port, tmp_path):
    with pytest.raises(Problem, match="no artifact"):
        background.start(tmp_path, {**os.environ, "PORT": port})


@pytest.mark.parametrize("words", [[], ["run"], ["walk", "x"]])
def test_wrong_usage_ends_with_2(words):
    command = [sys.executable, "-m", "skeleton_scorer", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage" in done.stderr
