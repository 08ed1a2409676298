from pathlib import Path

import pytest
from scoring.draft import drafted
from scoring.problem import Problem


def write(target: Path, text: str, stop: type[BaseException] | None = None) -> None:
    with drafted(target) as draft:
        draft.write_text(text)
        if stop:
            raise stop


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"

    with drafted(target) as draft:
        draft.write_text("new")
        assert not target.exists()

    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path, stop: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    with pytest.raises(stop):
        write(target, "half", stop)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_the_system_refuses_is_a_problem_that_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / "no" / "folder" / "a.txt"

    with pytest.raises(Problem, match="no such file") as caught:
        write(target, "x")

    assert caught.value.code == "output_not_written"
    assert "folder" in caught.value.detail
