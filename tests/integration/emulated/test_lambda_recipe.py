"""The Lambda recipe by itself: what `terraform test` says, and what its text must not contain."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from deployment.template import Template  # isort: skip


@pytest.fixture(scope="module")
def recipe_folder(root: Path) -> Path:
    return root / "aws-lambda-scorer" / "terraform"


@pytest.fixture(scope="module")
def blocks(recipe_folder: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    """All resources and data sources: (resource or data, type, name, body)."""
    found = []
    for path in sorted(recipe_folder.glob("*.tf")):
        document = hcl2.loads(path.read_text())
        for kind in ("resource", "data"):
            for block in document.get(kind, []):
                for type_, named in block.items():
                    if not type_.startswith("__"):
                        found += [
                            (kind, type_.strip('"'), name.strip('"'), body) for name, body in named.items()
                        ]
    return [block for block in found if not block[2].startswith("__")]


def _statements(policy: dict[str, Any]) -> Iterator[tuple[str, list[str], list[str]]]:
    for statement in policy["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        yield (
            statement["Sid"],
            [actions] if isinstance(actions, str) else actions,
            [resources] if isinstance(resources, str) else resources,
        )


def test_terraform_test_passes(initialised_recipe: Any) -> None:
    done = subprocess.run(
        ["terraform", "test", "-no-color"],
        cwd=initialised_recipe.folder / "terraform", env=initialised_recipe.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Success! [1-9]\d passed, 0 failed", done.stdout)


def test_every_validation_is_refused_by_a_test(recipe_folder: Path) -> None:
    variables = [
        name.strip('"')
        for block in hcl2.loads((recipe_folder / "variables.tf").read_text())["variable"]
        for name, body in block.items()
        if "validation" in body
    ]
    refused = re.findall(
        r"expect_failures = \[var\.(\w+)\]", (recipe_folder / "tests" / "refusals.tftest.hcl").read_text()
    )

    assert sorted(refused) == sorted(variables)


def test_nothing_but_what_the_interface_allows(blocks: list[tuple[str, str, str, dict[str, Any]]]) -> None:
    data = {type_ for kind, type_, _, _ in blocks if kind == "data"}
    kinds = {type_ for kind, type_, _, _ in blocks if kind == "resource"}

    assert data <= {"aws_caller_identity", "aws_iam_policy_document", "aws_region"}
    assert all(type_.startswith("aws_") for type_ in kinds)
    assert not [name for _, _, name, body in blocks if "provisioner" in body]


def test_no_file_leaves_the_template_or_holds_a_credential(recipe_folder: Path) -> None:
    for path in [*recipe_folder.glob("*.tf"), *recipe_folder.glob("*.example")]:
        text = path.read_text()

        assert "../.." not in text
        assert not re.search(r"AKIA[0-9A-Z]{16}|secret_key\s*=|access_key\s*=|\bendpoints\b", text), path


def test_all_that_can_be_tagged_is(recipe_folder: Path) -> None:
    provider = hcl2.loads((recipe_folder / "providers.tf").read_text())["provider"]

    assert "default_tags" in next(iter(provider[0].values()))


def test_the_function_may_do_no_more_than_it_needs(
    blocks: list[tuple[str, str, str, dict[str, Any]]],
) -> None:
    (body,) = [body for kind, _, name, body in blocks if kind == "data" and name == "function"]
    statements = [
        *body["statement"],
        *(
            each["content"][0]
            for block in body["dynamic"]
            for each in block.values()
            if isinstance(each, dict)
        ),
    ]
    anywhere = {}
    for statement in statements:
        actions = [action.strip('"') for action in statement["actions"]]
        assert not [action for action in actions if "*" in action]
        if [resource.strip('"') for resource in statement["resources"]] == ["*"]:
            anywhere[statement["sid"].strip('"')] = actions

    # AWS knows no resources for these, and they are only there when the option is.
    assert sorted(anywhere) == ["Network", "Tracing"]


def test_the_deployers_policy_has_no_wild_actions(recipe_folder: Path) -> None:
    policy = json.loads((recipe_folder / "deployer-policy.json").read_text())

    for sid, actions, resources in _statements(policy):
        assert not [action for action in actions if "*" in action], sid
        assert sorted(actions) == actions, sid
        if resources == ["*"]:
            assert sid in {"NoResourcesInTheseCalls", "QueueMapping"}
    without_whitespace = json.dumps(policy, separators=(",", ":"))
    assert len(without_whitespace) <= 6144, "IAM takes no longer policy"


def test_handler_and_runtime_are_those_of_the_template(root: Path, recipe_folder: Path) -> None:
    template = Template.read(root / "aws-lambda-scorer")

    assert f'"{template.handler}"' in (recipe_folder / "function.tf").read_text()
    assert f'default     = "{template.runtime}"' in (recipe_folder / "variables.tf").read_text()
