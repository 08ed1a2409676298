"""The tally and the summary, on a small checkout of their own, whose tests end in every way."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONTRACT = """
from pathlib import Path

import pytest


@pytest.fixture(params=[Path("one-scorer"), Path("two-scorer")], ids=lambda path: path.name)
def template(request):
    return request.param


def test_first(template):
    pass


def test_second(template):
    if template.name == "two-scorer":
        pytest.skip("does not apply: it is the second")


def test_third(template):
    if template.name == "two-scorer":
        pytest.skip("the tool is not installed")
"""
ENDS = """
import pytest


def test_passes():
    pass


def test_fails():
    assert False


@pytest.fixture
def late():
    yield
    assert False


def test_fails_after_all(late):
    pass


@pytest.mark.skip(reason="the server is not here")
def test_skipped():
    pass
"""
README = """# Templates

<!-- promises -->
| | words |
|---|---|
| `one-scorer` | kept |
| `two-scorer` | kept (1) |

1. it is the second.
<!-- /promises -->
"""
MAKEFILE = """
lint: ; @true
types: ; @exit 3
unit: ; @{python} -m pytest -q tests/contract -p no:cacheprovider
tiers: ; @{python} -m pytest -q tests/integration -p no:cacheprovider
"""


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A checkout with one contract test, and a tier of tests that fails in two ways."""
    own = [path for path in (root / "tests").glob("*.py") if not path.name.startswith("test_")]
    for path in (*own, root / "templates" / "promises.py"):
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / path.parent.name)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    (tmp_path / "Makefile").write_text(MAKEFILE.format(python=sys.executable))
    (tmp_path / "templates" / "README.md").write_text(README)
    for name in ("one-scorer", "two-scorer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "template.toml").touch()
    (tmp_path / "tests" / "contract").mkdir()
    (tmp_path / "tests" / "contract" / "test_words.py").write_text(CONTRACT)
    (tmp_path / "tests" / "integration" / "sql").mkdir(parents=True)
    (tmp_path / "tests" / "integration" / "sql" / "test_ends.py").write_text(ENDS)
    return tmp_path


def run(checkout: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    clean = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("PYTEST_", "SCORING_", "MAKE"))
    }
    return subprocess.run(
        [sys.executable, *words], cwd=checkout, env=clean, capture_output=True, text=True, check=False
    )


def test_the_summary_tells_of_all_tiers_and_ends_as_the_first_that_failed(checkout: Path) -> None:
    done = run(checkout, "tests/summary.py", "make", "lint", "types", "unit", "tiers")

    assert done.returncode == 2, done.stdout + done.stderr  # which make says of any word that fails
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.split()}
    assert lines["lint"][:3] == ["1", "0", "0"]
    assert lines["types"][:3] == ["0", "1", "0"]
    assert lines["contract"][:3] == ["4", "0", "2"], done.stdout + done.stderr
    assert lines["sql"] == ["1", "2", "1", "0.0", "FAILED"]
    assert lines["emulated"] == ["not", "run"]
    assert "skipped in sql, 1 of them: the server is not here" in done.stdout
    assert "FAILED: types, tiers" in done.stderr
    assert run(checkout, "tests/summary.py", "make", "lint").returncode == 0


def test_a_run_tells_what_holds_and_fails_when_the_document_says_otherwise(checkout: Path) -> None:
    readme = checkout / "templates" / "README.md"

    told = run(checkout, "-m", "pytest", "-q", "-n", "2", "tests/contract")
    readme.write_text(README.replace("kept (1)", "broken"))
    stale = run(checkout, "-m", "pytest", "-q", "tests/contract")
    narrow = run(checkout, "-m", "pytest", "-q", "tests/contract", "-k", "first")

    assert told.returncode == 0, told.stdout
    assert "two-scorer  kept" in told.stdout
    assert stale.returncode == 1
    assert "words of two-scorer is 'kept' (it is the second), not 'broken'" in stale.stdout
    assert narrow.returncode == 0, "a part of the tests says nothing of the whole"


def test_the_generator_mends_the_document(checkout: Path) -> None:
    readme = checkout / "templates" / "README.md"
    run(checkout, "-m", "pytest", "-q", "tests/contract")
    readme.write_text(README.replace("| `two-scorer` | kept (1) |\n", "| `gone-scorer` | kept (1) |\n"))

    assert run(checkout, "templates/promises.py", "--check").returncode == 1
    assert run(checkout, "templates/promises.py").returncode == 0
    assert readme.read_text() == README
    assert run(checkout, "templates/promises.py", "--check").returncode == 0
    said = json.loads((checkout / "build" / "promises.json").read_text())
    assert ["words", "two-scorer", "kept", ["it is the second"]] in said
