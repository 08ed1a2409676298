"""The package: what it lacks is named before anything is built. The isolation tests build it for real."""

import shutil
import tarfile
from pathlib import Path

import pytest
from aws_sagemaker_scorer import package as packaging
from aws_sagemaker_scorer.model_data import model_data
from scoring.problem import Problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template whose vendor/ is empty."""
    shutil.copy(Path(__file__).parent.parent / "pyproject.toml", tmp_path)
    shutil.copytree(Path(__file__).parent.parent / "example", tmp_path / "example")
    (tmp_path / "vendor").mkdir()
    return tmp_path


def test_an_unknown_option_is_refused(folder):
    with pytest.raises(Problem, match="no option push"):
        packaging.package(folder, {"push": "yes"})
    with pytest.raises(Problem, match="arch is 'mips'"):
        packaging.package(folder, {"arch": "mips"})


def test_a_missing_wheel_is_named(folder):
    with pytest.raises(Problem, match="no wheel of scoring-core for x86_64"):
        packaging.package(folder, {})
    assert not (folder / packaging.PACKAGE).exists()


def test_model_data_is_the_artifact_and_the_same_each_time(example, scorer, tmp_path):
    archive, sample = model_data(example / "cooler.pipeline", tmp_path)
    first = archive.read_bytes()
    model_data(example / "cooler.pipeline", tmp_path)

    assert archive.name == f"{scorer.digest}.tar.gz"
    assert archive.read_bytes() == first
    with tarfile.open(archive) as packed:
        (member,) = packed.getmembers()
        assert (member.name, member.mtime, member.uid) == ("model.pipeline", 0, 0)
        assert packed.extractfile(member).read() == (example / "cooler.pipeline").read_bytes()
    assert scorer.score_json(sample.read_bytes())
