"""A checkout is refused with all that speaks against releasing it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from release.checkout import look
from release.publication import publish
from scoring.problem import Problem

Change = Callable[[str, str, str], Path]


def refusal(root: Path, dirty: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as caught:
        look(root).check(dirty)
    assert caught.value.code == "checkout_unfit"
    return [(error["field"], error["detail"]) for error in caught.value.errors]


def test_a_committed_checkout_is_fit_and_dated_by_its_commit(small: Path) -> None:
    checkout = look(small)

    checkout.check()

    assert checkout.version == "1.2.0"
    assert checkout.moment == 1700000000
    assert [project.name for project in checkout.wheels] == ["small-part"]
    assert [project.name for project in checkout.templates] == ["tiny-scorer"]


def test_a_date_from_outside_counts_first(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    assert look(small).moment == 1600000000

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(Problem, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        look(small)


@pytest.mark.parametrize("name", ["common/part/new.py", "LICENSE"])
def test_files_that_no_commit_has_are_refused_unless_it_is_wanted(small: Path, name: str) -> None:
    (small / name).write_text("other\n")

    ((place, detail),) = refusal(small)

    assert place == "git"
    assert detail.startswith(f"Not as in the commit: {name}.")
    look(small).check(dirty=True)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("common/part/pyproject.toml", "1.2.0", "1.1.9", "It is 1.1.9, not 1.2.0."),
        ("common/part/src/part/__init__.py", "1.2.0", "1.3", "It is 1.3, not 1.2.0."),
        ("tiny-scorer/compose.yaml", "1.2.0", "1.0.0", "It is 1.0.0, not 1.2.0."),
        ("tiny-scorer/template.toml", ">=1.2,<2", ">=1.0,<1.2", "core = '>=1.0,<1.2' excludes 1.2.0."),
        ("tiny-scorer/pyproject.toml", ">=1.2,<2", ">=2", "small-part>=2 excludes 1.2.0."),
        ("CHANGELOG.md", "## [1.2.0]", "## [1.2.1]", "CHANGELOG.md says nothing of 1.2.0."),
    ],
)
def test_what_disagrees_with_the_version_is_named(
    changed: Change, name: str, old: str, new: str, expected: str
) -> None:
    ((place, detail),) = refusal(changed(name, old, new), dirty=True)

    assert place == name
    assert detail.startswith(expected)


def test_all_faults_are_told_at_once(changed: Change) -> None:
    root = changed("pyproject.toml", 'version = "1.2.0"', 'version = "2.0.0"')
    (root / "LICENSE").write_text("other\n")

    places = [place for place, _ in refusal(root)]

    assert sorted(set(places)) == [
        "CHANGELOG.md", "common/part/pyproject.toml", "common/part/src/part/__init__.py",
        "common/tool/pyproject.toml", "git", "tiny-scorer/compose.yaml", "tiny-scorer/pyproject.toml",
        "tiny-scorer/template.toml",
    ]  # fmt: skip


def test_without_git_it_has_to_be_wanted(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(small))  # no git there

    assert refusal(small) == [("git", "It knows no commit here; --dirty does without.")]
    look(small).check(dirty=True)
    assert look(small).moment == 315532800


def test_a_folder_that_is_no_workspace_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        look(tmp_path)
    assert caught.value.code == "project_invalid"

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    with pytest.raises(Problem) as caught:
        look(tmp_path)
    assert caught.value.code == "workspace_missing"


def test_an_earlier_release_stays_when_one_fails(changed: Change, tmp_path: Path) -> None:
    earlier = tmp_path / "dist" / "1.2.0"
    earlier.mkdir(parents=True)
    (earlier / "note").write_text("kept")
    root = changed("common/part/src/part/__init__.py", '"1.2.0"', '"1.2.0" +')
    path = "common/part/pyproject.toml"
    changed(path, "[project]", '[build-system]\nrequires = []\nbuild-backend = "none"\n[project]')

    with pytest.raises(Problem, match="The wheel of small-part cannot be built"):
        publish(root, tmp_path / "dist", lambda _: None)

    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["1.2.0"]
    assert [path.name for path in earlier.iterdir()] == ["note"]


def test_a_checkout_that_changes_meanwhile_is_refused(small: Path, tmp_path: Path) -> None:
    def interfere(_: str) -> None:
        (small / "LICENSE").write_text("other\n")

    with pytest.raises(Problem) as caught:
        publish(small, tmp_path / "dist", interfere)

    assert caught.value.code == "checkout_changed"
    assert list((tmp_path / "dist").iterdir()) == []


def test_a_release_takes_the_place_of_an_earlier_one_of_its_version(small: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "dist" / "1.2.0"
    earlier.mkdir(parents=True)
    (earlier / "note").write_text("old")

    made = publish(small, tmp_path / "dist", lambda _: None)

    assert sorted(path.name for path in made.iterdir()) == [
        "LICENCES.md", "LICENSE", "NOTES.md", "SHA256SUMS", "sbom.cdx.json",
        "small_part-1.2.0-py3-none-any.whl", "tiny-scorer-1.2.0.tar.gz",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["1.2.0"]
    assert (made / "NOTES.md").read_text() == "# 1.2.0\n\n### Added\n\n* A part.\n"
