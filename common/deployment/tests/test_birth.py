"""A new template is the skeleton under another name, whole, or there is none."""

from pathlib import Path

import pytest
from deployment.birth import born, find_skeleton
from deployment.template import Template
from scoring.problem import Problem


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return born("azure-functions-scorer", "Azure Functions", tmp_path, find_skeleton(Path(__file__).parent))


def texts(folder: Path) -> dict[str, str]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pipeline"]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_nothing_of_the_skeletons_names_is_left(made: Path) -> None:
    assert [name for name, text in texts(made).items() if "skeleton" in name + text] == []


def test_it_is_a_template_of_its_own(made: Path) -> None:
    template = Template.read(made)

    assert (template.name, template.target) == ("azure-functions-scorer", "Azure Functions")
    assert template.package.builder == "azure_functions_scorer.package"
    assert (made / "src" / "azure_functions_scorer" / "__main__.py").is_file()
    assert (made / "tests" / "test_azure_functions_service.py").is_file()
    assert "Azure Functions" in (made / "README.md").read_text()


def test_the_artifact_is_the_same(made: Path) -> None:
    own = find_skeleton(Path(__file__).parent) / "example" / "cooler.pipeline"

    assert (made / "example" / "cooler.pipeline").read_bytes() == own.read_bytes()


@pytest.mark.parametrize("name", ["", "azure", "Azure-scorer", "a/b-scorer", "-scorer", "skeleton-scorer"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem, match="can be no template"):
        born(name, "Azure", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["", "  ", 'a "cloud"', "a\nb", "{x}"])
def test_a_target_that_would_break_a_file_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(Problem, match="can be no target"):
        born("azure-scorer", target, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_left_alone(made: Path) -> None:
    (made / "mine").write_text("mine")

    with pytest.raises(Problem, match="is there"):
        born(made.name, "Azure", made.parent)
    assert (made / "mine").read_text() == "mine"
