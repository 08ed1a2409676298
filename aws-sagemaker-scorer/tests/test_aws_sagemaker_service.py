"""The service: what SageMaker's environment means, and what is refused."""

import os
import subprocess
import sys

import pytest
from aws_sagemaker_scorer.artifact import found
from aws_sagemaker_scorer.service import settings
from scoring.problem import Problem


def test_on_sagemaker_every_address_and_processor_is_used(example):
    made = settings(None, {"MODEL_DIR": str(example)})

    assert (made.path, made.host, made.port, made.workers) == (
        example / "cooler.pipeline",
        "0.0.0.0",
        8080,
        0,
    )
    assert (made.guarded, made.grace_seconds, made.watch_seconds) == (True, 25, 0)


def test_on_a_host_of_ones_own_only_this_one_gets_in(example):
    made = settings(example / "cooler.pipeline", {"PORT": "9", "WORKERS": "2"})

    assert (made.host, made.port, made.workers, made.guarded) == ("127.0.0.1", 9, 2, False)


def test_sagemakers_words_go_before(example):
    words = {"PORT": "9", "WORKERS": "2"}
    words |= {"SAGEMAKER_BIND_TO_PORT": "8081", "SAGEMAKER_MODEL_SERVER_WORKERS": "3"}
    made = settings(example / "cooler.pipeline", {**words, "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100"})

    assert (made.port, made.workers) == (8081, 3)
    assert made.contract.limits.body_bytes == 100 << 20


def test_a_container_for_many_models_is_one_process():
    made = settings(None, {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_WORKERS": "4"})

    assert made.workers == 1
    assert made.path.is_file()


def test_a_directory_wants_one_artifact(tmp_path):
    with pytest.raises(Problem, match="0 files"):
        found(tmp_path)
    for name in ("a.pipeline", "b.pipeline"):
        (tmp_path / name).touch()
    with pytest.raises(Problem, match="2 files"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SAGEMAKER_BIND_TO_PORT", "a"), ("SCORER_CSV_HEADER", "maybe"), ("MODEL_DIR", "/none")],
)
def test_what_is_wrong_ends_with_1_and_is_named(example, name, value):
    environment = {
        **os.environ,
        "MODEL_DIR": str(example),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        name: value,
    }
    command = [sys.executable, "-m", "aws_sagemaker_scorer", "serve"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert value in done.stderr


@pytest.mark.parametrize("words", [[], ["run"], ["serve", "x"], ["walk"]])
def test_wrong_usage_ends_with_2(words):
    command = [sys.executable, "-m", "aws_sagemaker_scorer", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage" in done.stderr
