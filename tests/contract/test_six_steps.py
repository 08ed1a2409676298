"""Promise: the six steps of CONTRIBUTING make a template; they are run here as they stand there.

They run in a copy of the parts of the checkout that they need, with the same environment: what the new
template imports of this project is what is installed here.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SECTION = "## A template for another target"
NAME = "azure-functions-scorer"
PARTS = (
    "CONTRIBUTING.md", "Makefile", "pyproject.toml", "templates", "tests/contract",
    "tests/integration/conftest.py", "tests/integration/cycle.py",
    "tests/integration/local/test_host_cycle.py",
)  # fmt: skip
"""Beside what tests share, which are the modules in tests/ that are none."""


def steps(text: str) -> list[str]:
    """The shell blocks of the section, by the numbers of its steps."""
    section = text.split(f"{SECTION}\n", 1)[1].split("\n## ", 1)[0]
    parts = re.split(r"^\*\*(\d)\. ", section, flags=re.MULTILINE)[1:]
    assert parts[::2] == [str(number) for number in range(1, len(parts) // 2 + 1)]
    blocks = [re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL) for part in parts[1::2]]
    assert [len(block) for block in blocks] == [1] * len(blocks), "one block a step"
    return [block for (block,) in blocks]


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    left_out = shutil.ignore_patterns(
        "build", "*.whl", "__pycache__", ".venv", ".uv", ".terraform*", "*.egg-info"
    )
    own = [path for path in (root / "tests").glob("*.py") if not path.name.startswith("test_")]
    for name in (*PARTS, *(str(path.relative_to(root)) for path in own)):
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, target, ignore=left_out)
        else:
            shutil.copy(root / name, target)
    return tmp_path / "checkout"


def test_the_six_steps_make_a_template(
    root: Path, checkout: Path, terraform_environment: dict[str, str]
) -> None:
    found = steps((root / "CONTRIBUTING.md").read_text())
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    clean = {name: text for name, text in terraform_environment.items() if not name.startswith("PYTEST_")}
    environment = {**clean, "PATH": os.pathsep.join(places), "PYTHONDONTWRITEBYTECODE": "1"}

    assert len(found) == 6
    for number, block in enumerate(found, 1):
        done = subprocess.run(
            ["sh", "-ec", block], cwd=checkout, env=environment,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"step {number}\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
        if number == 4:  # what the step changed is seen: the next one mends it
            stale = [sys.executable, "templates/settings.py", "--check", NAME]
            assert subprocess.run(stale, cwd=checkout, capture_output=True, check=False).returncode == 1

    project = tomllib.loads((checkout / "pyproject.toml").read_text())
    assert NAME in project["project"]["dependencies"]
    assert project["tool"]["uv"]["sources"][NAME] == {"workspace": True}
    assert NAME.replace("-", "_") in project["tool"]["importlinter"]["root_packages"]
    assert NAME.replace("-", "_") in project["tool"]["importlinter"]["contracts"][0]["layers"][0]
