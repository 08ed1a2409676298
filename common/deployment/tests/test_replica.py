"""A template taken out of the monorepo is whole, holds nothing that was made, and is there or not."""

import subprocess
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import scoring
from deployment.replica import replicate
from deployment.template import Template
from scoring.problem import Problem

MANIFEST = """
name = "tiny-scorer"
target = "nowhere"
core = ">=0.1,<0.2"
interface = "http"
auth = "none"
emulators = []
rollback = "pipeline"
"""


@pytest.fixture
def template(tmp_path: Path) -> Template:
    folder = tmp_path / "tiny-scorer"
    files = {
        "template.toml": MANIFEST,
        "Makefile": "PIPELINE ?= example/cooler.pipeline\n",
        "terraform/main.tf": "",
        "terraform/terraform.tfvars.example": "",
        "vendor/.gitkeep": "",
        "build/package.zip": "made",
        "terraform/.terraform/providers/x": "made",
        "terraform/terraform.tfstate": "secret",
        "terraform/terraform.tfvars": "mine",
        "src/tiny_scorer/__pycache__/a.pyc": "made",
        "src/tiny_scorer/__init__.py": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Template.read(folder)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


WRITTEN = {
    "template.toml", "Makefile", "terraform/main.tf", "terraform/terraform.tfvars.example", "vendor/.gitkeep",
    "src/tiny_scorer/__init__.py",
}  # fmt: skip


def test_what_was_made_stays_behind(template: Template, tmp_path: Path) -> None:
    made = replicate(template, tmp_path / "mine", None, lambda _: None)

    assert names(made) == WRITTEN


def test_in_a_checkout_the_files_are_gits(template: Template, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(template.folder)], check=True)
    (template.folder / ".gitignore").write_text(
        "build/\n.terraform/\n*.tfstate*\n*.tfvars\n__pycache__/\nnotes\n"
    )
    (template.folder / "notes").write_text("private")

    made = replicate(template, tmp_path / "mine", None, lambda _: None)

    assert names(made) == WRITTEN | {".gitignore"}


def test_an_artifact_of_ones_own_becomes_the_default(template: Template, tmp_path: Path) -> None:
    X = np.arange(60.0).reshape(-1, 2)
    quiet = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 2}
    booster = lightgbm.train(quiet, lightgbm.Dataset(X, X[:, 0]), 2)
    scoring.pack(booster, tmp_path / "price.pipeline", target="price")

    made = replicate(template, tmp_path / "mine", tmp_path / "price.pipeline", lambda _: None)

    assert (made / "price.pipeline").read_bytes() == (tmp_path / "price.pipeline").read_bytes()
    assert (made / "Makefile").read_text() == "PIPELINE ?= price.pipeline\n"


def test_what_a_builder_adds_to_vendor_goes_along(template: Template, tmp_path: Path) -> None:
    (template.folder / "template.toml").write_text(MANIFEST + '[package]\nbuilder = "tiny_scorer.package"\n')
    (template.folder / "src" / "tiny_scorer" / "package.py").write_text(
        "def package(folder, options):\n    return []\n\n\n"
        "def vendored(folder):\n"
        "    path = folder / 'vendor' / 'sources.tar.gz'\n"
        "    path.write_bytes(b'made')\n"
        "    return [path]\n"
    )

    made = replicate(Template.read(template.folder), tmp_path / "mine", None, lambda _: None)

    assert (made / "vendor" / "sources.tar.gz").read_bytes() == b"made"


@pytest.mark.parametrize("place", ["taken", "tiny-scorer/inside"])
def test_a_directory_that_is_taken_is_left_alone(template: Template, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine")
    before = names(tmp_path)

    with pytest.raises(Problem, match="Name a"):
        replicate(template, tmp_path / place, None, lambda _: None)

    assert names(tmp_path) == before


def test_an_artifact_that_cannot_be_read_leaves_nothing(template: Template, tmp_path: Path) -> None:
    (tmp_path / "broken.pipeline").write_bytes(b"PK")

    with pytest.raises(Problem):
        replicate(template, tmp_path / "mine", tmp_path / "broken.pipeline", lambda _: None)

    assert not (tmp_path / "mine").exists()
    assert not list(tmp_path.glob(".mine*"))
