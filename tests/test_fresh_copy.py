"""The README's commands, run in order in a copy that carries nothing over from this checkout."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ELSEWHERE = {"VIRTUAL_ENV", "PYTHONPATH"}


def _tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip("not a git checkout, so what belongs to the repository is unknown")
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def _commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = [line.split("   #")[0].strip() for block in blocks for line in block.splitlines()]
    # `make test` is this very run.
    return [line for line in lines if line and line != "make test"]


def test_the_commands_of_the_readme_work_in_a_fresh_copy(tmp_path: Path) -> None:
    for name in _tracked():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}

    for command in _commands():
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"

    built = {path.name for path in (tmp_path / "build").iterdir()}
    assert {"simulated-rig.pipeline", "report.html", "predictions.csv"} <= built
    assert not [name for name in built if name.startswith(".") or name.endswith(".tmp")]
