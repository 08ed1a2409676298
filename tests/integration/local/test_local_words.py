"""The template's own words and the commands of its README, in a copy that was packaged."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scoring
from scoring import contract


@pytest.fixture
def copy(root: Path, template: Path, tmp_path: Path) -> Path:
    """A copy elsewhere, with the wheels in vendor/, as `cp -r` makes it after `make package`."""
    target = tmp_path / "elsewhere" / "my-scorer"
    shutil.copytree(template, target, ignore=shutil.ignore_patterns("build", "__pycache__", ".terraform*"))
    return target


@pytest.fixture
def environment(root: Path, terraform_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The user's: a home of their own, uv on the path, nothing of this checkout."""
    dropped = ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "MAKEFLAGS", "MAKELEVEL", "PWD")
    kept = {name: value for name, value in terraform_environment.items() if name not in dropped}
    if shutil.which("uv") is None and (root / ".uv/bin/uv").exists():
        kept["PATH"] = f"{root / '.uv/bin'}{os.pathsep}{kept['PATH']}"
    caches = {
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "UV_PYTHON_INSTALL_DIR": str(Path.home() / ".local/share/uv/python"),
    }
    return {**kept, **caches, "HOME": str(tmp_path / "home"), "SCORING_HOME": str(tmp_path / "scoring")}


def run(folder: Path, environment: dict[str, str], *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [*words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, f"$ {' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def ask(url: str, key: str, body: bytes) -> bytes:
    headers = {"content-type": "application/json", "x-api-key": key}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as answer:
        content: bytes = answer.read()
    return content


@pytest.fixture
def cleaned(tmp_path: Path) -> Iterator[None]:
    """End what a failed test has left."""
    yield
    for command in tmp_path.rglob("scorer"):
        if command.is_file() and os.access(command, os.X_OK):
            subprocess.run([command, "remove"], check=False)


@pytest.mark.usefixtures("cleaned")
def test_every_word_of_the_makefile(copy, environment, other_pipeline, free_port, tmp_path):
    def make(*words: str) -> str:
        return run(copy, environment, "make", *words)

    state = tmp_path / "servers"
    chosen = f"ARGS=--yes --var port={free_port} --var state_dir={state} --var workers=1"

    make("package")
    deployed = make("deploy", "NAME=cooler", chosen)
    assert f":{free_port}" in deployed
    make("smoke", "NAME=cooler")
    assert '"listening"' in make("logs", "NAME=cooler")
    first = json.loads((state / "cooler/wish.json").read_text())["pipeline_digest"]
    other = scoring.load(other_pipeline)
    make("deploy", "NAME=cooler", f"PIPELINE={other_pipeline}", chosen)
    assert json.loads((state / "cooler/wish.json").read_text())["pipeline_digest"] == other.digest
    make("rollback", "NAME=cooler", "ARGS=--yes")
    assert json.loads((state / "cooler/wish.json").read_text())["pipeline_digest"] == first
    make("destroy", "NAME=cooler", "ARGS=--yes")
    assert not state.exists()
    run(copy, environment, "make", "smoke", "NAME=cooler", code=2)


@pytest.mark.usefixtures("cleaned")
def test_the_commands_of_the_readme(copy: Path, environment: dict[str, str], tmp_path: Path) -> None:
    text = (copy / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    shown = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    said: list[str] = [run(copy, environment, "sh", "-e", "-c", block) for block in blocks]

    assert [json.loads(block) for block in shown] == [
        json.loads((copy / "example/response.json").read_text())
    ]
    scorer: Any = scoring.load(copy / "example/cooler.pipeline")
    expected = [contract.sample_request(scorer), (copy / "example/request.json").read_bytes()]
    for body in expected:
        assert scorer.score_json(body).decode() in said[1]
    assert json.loads((copy / "example/response.json").read_text()) == json.loads(
        scorer.score_json(expected[1])
    )
    assert not list((tmp_path / "home").rglob("cooler*"))
    assert not (tmp_path / "home/.local/state/local-rest-scorer").exists()
