"""The package: what it lacks is named before anything is built. The isolation tests build it for real."""

import shutil
from pathlib import Path

import pytest
from scoring.problem import Problem
from skeleton_scorer import package as packaging


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template whose vendor/ is empty."""
    shutil.copy(Path(__file__).parent.parent / "pyproject.toml", tmp_path)
    (tmp_path / "vendor").mkdir()
    return tmp_path


def test_an_unknown_option_is_refused(folder):
    with pytest.raises(Problem, match="no option arch"):
        packaging.package(folder, {"arch": "arm64"})


def test_a_missing_wheel_is_named(folder):
    with pytest.raises(Problem, match="no wheel of scoring-core"):
        packaging.package(folder, {})
    assert not (folder / packaging.PACKAGE).exists()
