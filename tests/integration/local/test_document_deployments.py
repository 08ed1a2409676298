"""The commands of the tutorial and of the page on deployments, run in order as they stand, on this host.

Ports alone are others than those of the pages, so that several tests can run at once.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import scoring
from scoring import contract

PORT = "9090"
Run = Callable[[str], list[str]]


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """The folder that a user works in, with the packaged template beside."""
    place = tmp_path / "work"
    shutil.copytree(template, place / "local-rest-scorer", ignore=shutil.ignore_patterns(".terraform*"))
    return place


@pytest.fixture
def environment(terraform_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A user's with a home of their own and the `scoring` command."""
    path = os.pathsep.join([str(Path(sys.executable).parent), terraform_environment["PATH"]])
    (tmp_path / "home").mkdir()
    own = {"HOME": str(tmp_path / "home"), "SCORING_HOME": str(tmp_path / "scoring"), "PATH": path}
    return {**terraform_environment, **own}


@pytest.fixture
def run(
    root: Path, folder: Path, environment: dict[str, str], free_port: int, tmp_path: Path
) -> Iterator[Run]:
    """A function that runs the blocks of a document in one shell and returns what each has printed."""
    started: list[subprocess.Popen[str]] = []

    def blocks(document: str) -> list[str]:
        text = (root / document).read_text()
        found = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert found
        script = "".join(f"{block}echo '<end of a block>'\n" for block in found)
        process = subprocess.Popen(
            ["sh", "-ec", script.replace(PORT, str(free_port))],
            cwd=folder, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, f"{document}\n{out}"
        *said, rest = out.split("<end of a block>\n")
        assert (len(said), rest) == (len(found), "")
        return said

    yield blocks
    for process in started:
        if process.returncode:
            os.killpg(process.pid, signal.SIGKILL)
    for command in (tmp_path / "home").rglob("scorer"):
        if command.is_file() and os.access(command, os.X_OK):
            subprocess.run([command, "remove"], check=False)


def test_the_tutorial_from_the_table_to_nothing(run: Run, folder: Path, environment: dict[str, str]) -> None:
    train, scored, serve, deploy, destroy, check = run("docs/tutorial.md")

    scorer = scoring.load(folder / "cooler.pipeline")
    expected = scorer.score_json((folder / "request.json").read_bytes()).decode()
    asked = json.loads((folder / "request.json").read_bytes())
    assert asked == json.loads(contract.sample_request(scorer))
    assert "cooler.html" in train
    assert "scores.csv" in scored
    assert (folder / "scores.csv").read_text().startswith("valve_cond_y,cool_cond_y.3,")
    assert expected in serve
    assert expected in deploy
    assert scorer.digest[:12] in check
    assert "cooler" in destroy
    assert not list(Path(environment["SCORING_HOME"]).glob("deployments/*"))
    assert not [path for path in Path(environment["HOME"]).rglob("*") if path.is_file()]


def test_the_page_on_deployments(
    run: Run, folder: Path, environment: dict[str, str], other_pipeline: Path
) -> None:
    example = folder / "local-rest-scorer" / "example" / "cooler.pipeline"
    shutil.copy(example, folder / "cooler.pipeline")
    shutil.copy(other_pipeline, folder / "newer.pipeline")

    first, key, last = run("docs/deployments.md")

    newer = scoring.load(other_pipeline).digest
    older = scoring.load(example).digest
    assert first.rindex(older[:12]) > first.index(newer[:12]), "rolled back to the first"
    assert key == ""
    assert "cooler" in last
    assert not list(Path(environment["SCORING_HOME"]).glob("deployments/*"))
