"""The command says what it made, or what is wrong and what to do, and ends with the code that it promises."""

from pathlib import Path

import pytest
from release.__main__ import main


def test_make_lists_what_it_made(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(small), "make", "--out", str(tmp_path / "out")]) == 0

    told = capsys.readouterr()
    assert told.out.splitlines() == sorted(str(path) for path in (tmp_path / "out" / "1.2.0").iterdir())
    assert "Archiving tiny-scorer." in told.err


def test_a_refusal_names_each_reason(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "LICENSE").write_text("other\n")

    assert main(["--root", str(small), "make", "--out", str(tmp_path / "out")]) == 1

    told = capsys.readouterr().err
    assert "cannot be released, for 1 reason." in told
    assert "git: Not as in the commit: LICENSE." in told
    assert not (tmp_path / "out").exists()


def test_a_licence_that_is_refused_stops_a_release(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small / "common" / "part" / "pyproject.toml"
    path.write_text(path.read_text().replace("dependencies = []", 'dependencies = ["numpy"]'))

    assert main(["--root", str(small), "make", "--dirty", "--out", str(tmp_path / "out")]) == 1

    told = capsys.readouterr().err
    assert "which small-part needs" in told
    assert "is not allowed." in told
    assert not (tmp_path / "out").exists()


def test_a_stale_table_is_told_and_written(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "docs").mkdir()
    words = ["--root", str(small), "licences"]

    assert main([*words, "--check"]) == 1
    assert "make tables" in capsys.readouterr().err
    assert main(words) == 0
    assert main([*words, "--check"]) == 0
    assert (small / "docs" / "licences.md").read_text().startswith("# Licences")


def test_wrong_usage_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["publish"])

    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
