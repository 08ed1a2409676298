"""The commands about deployments, as processes: thin over the driver, which has tests of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "deployment" / "tests" / "tiny"


@pytest.fixture
def environment(tmp_path):
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    (tmp_path / "config.tfrc").write_text("disable_checkpoint = true\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "SCORING_"))}
    return {
        **clean,
        "TF_CLI_CONFIG_FILE": str(tmp_path / "config.tfrc"),
        "SCORING_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def scoring_command(tmp_path, environment):
    shutil.copytree(TEMPLATE, tmp_path / "tiny-scorer")

    def call(*words):
        command = [sys.executable, "-c", "from scoring_cli.main import main; main()", *map(str, words)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def deploy(scoring_command, pipelines, tmp_path):
    def call(task, *words):
        where = ["--var", f"live={tmp_path / 'live'}", "--var", "port=1", "--no-smoke"]
        return scoring_command(
            "deploy", "tiny-scorer", "--pipeline", pipelines[task], "--name", "demo", *where, *words
        )

    return call


def test_the_life_of_a_deployment(scoring_command, deploy, tmp_path):
    first = deploy("binomial", "--yes")
    assert first.returncode == 0, first.stderr
    assert "url      http://127.0.0.1:1\n" in first.stdout
    assert 'export API_KEY="$(scoring deployments demo --show-key)"' in first.stdout
    assert "2 to create" in first.stderr

    (listed,) = json.loads(scoring_command("deployments", "--json").stdout)
    assert (listed["name"], listed["state"], listed["template"]) == ("demo", "ready", "tiny-scorer")
    assert "demo  ready" in scoring_command("deployments").stdout
    assert "history" in scoring_command("deployments", "demo").stdout
    key = scoring_command("deployments", "demo", "--show-key").stdout
    assert len(key) == 65
    assert key.strip() not in first.stdout + first.stderr

    assert deploy("multinomial", "--yes", "--plan").returncode == 0
    back = scoring_command("rollback", "demo", "--yes", "--no-smoke")
    assert back.returncode == 0, back.stderr
    assert f"digest   {listed['digest']}" in back.stdout
    assert scoring_command("logs", "demo").stdout == "at work\n" * 3
    assert scoring_command("logs", "demo", "--", "-n").stdout.startswith("     1\tat work")

    gone = scoring_command("destroy", "demo", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "2 resources were removed" in gone.stderr
    assert gone.stdout == ""
    assert json.loads(scoring_command("deployments", "--json").stdout) == []
    again = scoring_command("destroy", "demo", "--yes")
    assert again.returncode == 1
    assert "There is no deployment 'demo'" in again.stderr
    assert not list((tmp_path / "home" / "deployments").iterdir())


def test_problems_say_what_to_do(scoring_command, deploy, pipelines):
    asked = deploy("binomial")
    assert asked.returncode == 1
    assert "--yes goes ahead without asking" in asked.stderr

    misspelt = deploy("binomial", "--var", "prot=3", "--yes")
    assert "no variable 'prot'" in misspelt.stderr
    assert "Did you mean 'port'?" in misspelt.stderr

    nowhere = scoring_command("deploy", "tyni-scorer", "--pipeline", pipelines["binomial"])
    assert "Did you mean 'tiny-scorer'?" in nowhere.stderr

    for words in (["smoke", "demo"], ["logs", "demo"], ["rollback", "demo"], ["deployments", "demo"]):
        done = scoring_command(*words)
        assert done.returncode == 1
        assert "There is no deployment 'demo'." in done.stderr
        assert "Traceback" not in done.stderr


def test_packaging_prints_what_was_made(scoring_command, tmp_path):
    done = scoring_command("package", "tiny-scorer", "content=abc")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'tiny-scorer' / 'build' / 'tiny.zip'}\n"
    assert "of 0.01 MB" in done.stderr
    assert "Next: scoring deploy tiny-scorer" in done.stderr


def test_a_key_needs_a_name(scoring_command):
    assert scoring_command("deployments", "--show-key").returncode == 2
