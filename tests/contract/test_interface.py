"""Promise: recipes share an interface: the same variables and outputs, described, in order, safe."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest

INPUTS = {"name", "pipeline_path"}
OUTPUTS = {"api_key", "logs_command", "pipeline_digest", "score_command", "url"}
CREDENTIAL = re.compile(r"password|secret_value|token|credential|access_key|private_key$")
PROVIDERS = {"hashicorp/aws", "hashicorp/google"}


@pytest.fixture
def recipe(template: Path) -> dict[str, Any]:
    """All blocks of a recipe."""
    blocks: dict[str, Any] = {}
    for path in sorted((template / "terraform").glob("*.tf")):
        for kind, found in hcl2.loads(path.read_text()).items():
            if isinstance(found, list):
                blocks.setdefault(kind, []).extend(found)
    return blocks


def named(blocks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name.strip('"'): body for block in blocks for name, body in block.items() if not name.startswith("__")
    }


def test_the_variables_of_every_recipe_are_there(recipe: dict[str, Any], template: Path) -> None:
    variables = named(recipe["variable"])

    assert set(variables) >= INPUTS
    assert {"tags", "labels"} & set(variables)
    assert list(variables) == sorted(variables), "in alphabetical order"
    assert [name for name, body in variables.items() if not {"type", "description"} <= set(body)] == []
    assert "validation" in variables["name"]


def test_no_variable_is_a_credential(recipe: dict[str, Any]) -> None:
    assert [name for name in named(recipe["variable"]) if CREDENTIAL.search(name)] == []


def test_the_outputs_of_every_recipe_are_there(recipe: dict[str, Any]) -> None:
    outputs = named(recipe["output"])

    assert set(outputs) >= OUTPUTS
    assert list(outputs) == sorted(outputs), "in alphabetical order"
    assert [name for name, body in outputs.items() if "description" not in body] == []
    assert outputs["api_key"].get("sensitive") in (True, "true", "${true}")
    assert not outputs["score_command"].get("sensitive"), "the command reads the key from the environment"


def test_a_recipe_is_flat_and_pinned(recipe: dict[str, Any], template: Path) -> None:
    assert "module" not in recipe
    versions = (template / "terraform" / "versions.tf").read_text()
    assert re.search(r'required_version\s*=\s*">= 1\.\d+', versions)
    for source, constraint in re.findall(r'source\s*=\s*"([^"]+)"\s*\n\s*version\s*=\s*"([^"]+)"', versions):
        assert source in PROVIDERS
        assert re.fullmatch(r">= [\d.]+, < [\d.]+", constraint), constraint
    assert not list((template / "terraform").glob("*override*"))


def test_a_missing_package_or_artifact_is_told_before_anything_is_made(template: Path) -> None:
    text = "\n".join(path.read_text() for path in (template / "terraform").glob("*.tf"))

    assert "precondition" in text
    assert "make package" in text


def test_the_recipe_is_formatted(template: Path, terraform_environment: dict[str, str]) -> None:
    terraform = shutil.which("terraform")
    assert terraform is not None
    command = [terraform, f"-chdir={template / 'terraform'}", "fmt", "-check", "-recursive", "-diff"]

    done = subprocess.run(command, capture_output=True, text=True, env=terraform_environment, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
