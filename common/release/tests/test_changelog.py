"""The changelog is read, and what is not of its form is told by its line."""

from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version
from release import changelog
from scoring.problem import Problem

ROOT = Path(__file__).parents[3]


def written(folder: Path, text: str) -> Path:
    (folder / "CHANGELOG.md").write_text(text)
    return folder


def test_sections_are_read(tmp_path: Path) -> None:
    text = (
        "# Log\n\nIntro.\n\n## [1.10.0] - unreleased\n\n### Added\n\n* x\n\n## [1.9.0] - 2026-01-31\n\n* y\n"
    )

    newest, older = changelog.read(written(tmp_path, text))

    assert (newest.version, newest.day, newest.text) == (Version("1.10.0"), None, "### Added\n\n* x")
    assert (older.version, older.day, older.text) == (Version("1.9.0"), date(2026, 1, 31), "* y")
    assert changelog.section(tmp_path, "1.9.0") == older


@pytest.mark.parametrize(
    ("text", "line", "detail"),
    [
        ("## Unreleased\n", 1, "no heading of a version"),
        ("\n## [1.0.0] - 2026-02-30\n", 2, "day"),
        ("## [one] - unreleased\n", 1, "one"),
        ("## [1.0.0] - unreleased\n## [1.1.0] - 2026-01-31\n", 2, "newest version comes first"),
        ("## [1.1.0] - 2026-01-31\n## [1.0.0] - unreleased\n", 2, "Only the first may be unreleased"),
        ("## [1.0.0] - unreleased\n### Improved\n", 2, "none of Added"),
    ],
)
def test_a_line_that_is_not_of_the_form_is_told(tmp_path: Path, text: str, line: int, detail: str) -> None:
    with pytest.raises(Problem) as caught:
        changelog.read(written(tmp_path, text))

    (error,) = caught.value.errors
    assert error["field"] == f"line {line}"
    assert detail in error["detail"]


@pytest.mark.parametrize("text", ["", "## [1.0.0] - unreleased\n\n## [0.9.0] - 2026-01-31\n\n* x\n"])
def test_a_version_without_changes_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(Problem) as caught:
        changelog.section(written(tmp_path, text), "1.0.0")

    assert caught.value.code == "changes_missing"
    assert "## [1.0.0] - unreleased" in caught.value.hint


def test_the_changelog_of_this_repository_is_of_the_form() -> None:
    assert changelog.read(ROOT)
