"""Promise: a deployment lives from apply to nothing: an empty second plan, another model, rollback, destroy.

The five tests are written once, in `tests/integration/cycle.py`. They need what stands for the target, so
they run with the tier of tests that has it; here it is seen that every template has them, and collected.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from once import once, shared

STEPS = {"apply", "plan", "change", "rollback", "destroy"}
COLLECTED = re.compile(r"^(\S+)::TestCycle::test_(\w+)\[([\w-]+)\]$", re.MULTILINE)


@pytest.fixture(scope="session")
def collected(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The steps that pytest finds a test for, by the template."""
    listed = once(shared(tmp_path_factory) / "collected", lambda: _listed(root))
    found: dict[str, set[str]] = {}
    for _, step, template in COLLECTED.findall(listed):
        found.setdefault(template, set()).add(step)
    return found


def _listed(root: Path) -> str:
    folder = root / "tests" / "integration"
    files = sorted(
        str(path) for path in folder.rglob("test_*.py") if "from cycle import Cycle" in path.read_text()
    )
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-k", "TestCycle"]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "-k", "TestCycle", *files],
        cwd=root,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_every_step_of_a_deployments_life_has_a_test(template: Path, collected: dict[str, set[str]]) -> None:
    hint = "a TestCycle has to inherit Cycle, as in tests/integration/local/test_host_cycle.py"

    assert collected.get(template.name, set()) == STEPS, hint


def test_they_are_the_same_for_all(root: Path) -> None:
    """No promise of one template's: none has steps of its own under the shared name."""
    folder = root / "tests" / "integration"
    bodies = [
        found[1]
        for path in folder.rglob("test_*.py")
        for found in re.finditer(
            r"^class TestCycle\((?:.*)\):\n((?: {4}.*\n|\n)*)", path.read_text(), re.MULTILINE
        )
    ]

    assert {body.strip() for body in bodies} == {"pass"}
