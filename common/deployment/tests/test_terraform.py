"""Terraform itself, through the one adapter that knows python-terraform."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from deployment.terraform import Terraform
from scoring.problem import Problem

RECIPE = """
terraform { required_version = ">= 1.7" }
variable "name" { type = string }
variable "fail" {
  type    = bool
  default = false
}
variable "secret" {
  type      = string
  sensitive = true
  default   = "hush-hush-value"
}
resource "terraform_data" "one" {
  input = { name = var.name, secret = var.secret }
  lifecycle {
    precondition {
      condition     = !var.fail
      error_message = "No package. Run `make package` first, not with ${nonsensitive(var.secret)}."
    }
  }
}
output "url" { value = "http://${var.name}" }
output "api_key" {
  value     = var.secret
  sensitive = true
}
"""
VALUES = {"name": "demo"}


@pytest.fixture
def recipe(tmp_path):
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "main.tf").write_text(RECIPE)
    return folder


@pytest.fixture
def make(recipe, tmp_path, environment):
    def call(**others):
        options = {"state": tmp_path / "s" / "terraform.tfstate", "data": tmp_path / "d"}
        return Terraform(recipe, **{"environment": environment, **options, **others})

    return call


@pytest.fixture
def terraform(make):
    made = make()
    made.init()
    return made


def test_the_whole_cycle(terraform):
    steps = []

    plan = terraform.plan(VALUES)
    assert not plan.empty
    assert [(change.address, change.actions) for change in plan.changes] == [
        ("terraform_data.one", ("create",))
    ]
    assert plan.changes[0].after["input"] == {"name": "demo", "secret": "(sensitive value)"}
    terraform.apply(plan, steps.append)
    assert terraform.outputs() == {"api_key": "hush-hush-value", "url": "http://demo"}
    assert terraform.resources() == ["terraform_data.one"]
    assert terraform.plan(VALUES).empty
    terraform.destroy(VALUES, steps.append)
    assert terraform.resources() == []
    assert terraform.outputs() == {}
    assert [(step.action, step.state, step.done, step.total) for step in steps] == [
        ("create", "start", 0, 1),
        ("create", "complete", 1, 1),
        ("delete", "start", 0, 1),
        ("delete", "complete", 1, 1),
    ]


def test_nothing_applied_is_no_error(terraform):
    assert terraform.outputs() == {}
    assert terraform.resources() == []
    terraform.destroy(VALUES)


def test_a_change_of_outputs_alone_is_a_change(terraform, recipe):
    terraform.apply(terraform.plan(VALUES))
    (recipe / "more.tf").write_text('output "more" { value = 1 }\n')

    plan = terraform.plan(VALUES)

    assert (plan.empty, plan.changes) == (False, ())


def test_errors_are_terraforms_own_without_colours_and_secrets(terraform):
    with pytest.raises(Problem) as fault:
        terraform.plan({**VALUES, "fail": True, "secret": "another-hidden-value"})

    problem = fault.value
    assert problem.code == "terraform_failed"
    assert "Resource precondition failed (main.tf:17): No package. Run `make package` first" in problem.detail
    assert "another-hidden-value" not in str(problem) + json.dumps(problem.to_dict())
    assert "(sensitive value)" in problem.detail


def test_several_errors_are_listed(terraform, recipe):
    (recipe / "more.tf").write_text('variable "b" {}\nvariable "c" {}\n')

    with pytest.raises(Problem) as fault:
        terraform.plan(VALUES)

    assert fault.value.detail.endswith("And 1 more.")
    assert [error["field"] for error in fault.value.errors] == ["more.tf:1", "more.tf:2"]


def test_a_recipe_with_wrong_syntax_fails_at_init_with_its_place(make, recipe):
    (recipe / "more.tf").write_text("resource {")

    with pytest.raises(Problem) as fault:
        make().init()

    assert "`terraform init` failed" in fault.value.detail
    assert "more.tf" in fault.value.detail
    assert "│" not in str(fault.value)


def test_variables_are_never_on_a_command_line_nor_left_on_disk(terraform, tmp_path, monkeypatch, recipe):
    seen = []
    monkeypatch.setattr("deployment.terraform.run", recorded(seen, tmp_path / "d"))

    terraform.apply(terraform.plan({"name": "demo", "secret": "typed-in-secret"}))

    words = " ".join(word for command, _ in seen for word in command)
    assert "plan" in words
    assert "demo" not in words
    assert "typed-in-secret" not in words
    assert {mode for _, modes in seen for mode in modes} == {0o600}
    assert not list((tmp_path / "d").glob("*.tfvars.json"))
    assert not list(Path(recipe).glob("*.tfstate*"))


def recorded(seen, data):
    from deployment.process import run

    def call(words, *others):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in data.glob("*.tfvars.json")]
        seen.append((words, modes))
        return run(words, *others)

    return call


def test_the_users_own_terraform_settings_do_not_interfere(make, environment, tmp_path):
    environment = {
        **environment,
        "TF_CLI_ARGS": "-help",
        "TF_DATA_DIR": str(tmp_path / "no"),
        "TF_INPUT": "1",
    }
    terraform = make(environment=environment)

    terraform.init()
    terraform.apply(terraform.plan(VALUES))

    assert not (tmp_path / "no").exists()


def test_a_missing_terraform_is_told(make, environment, tmp_path):
    with pytest.raises(Problem) as fault:
        make(environment={**environment, "PATH": str(tmp_path)})

    assert fault.value.code == "terraform_missing"
    assert "1.7 or later" in fault.value.hint


@pytest.mark.parametrize(
    ("version", "fine"), [("1.6.9", False), ("0.11.10", False), ("1.7.0", True), ("2.0.0", True)]
)
def test_an_old_terraform_is_told(make, environment, tmp_path, version, fine):
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
    program.chmod(0o755)
    elsewhere = {**environment, "PATH": str(program.parent)}

    if fine:
        assert make(environment=elsewhere).version == version
        return
    with pytest.raises(Problem) as fault:
        make(environment=elsewhere)
    assert fault.value.code == "terraform_old"
    assert version in fault.value.detail


def test_a_terraform_that_does_not_run_is_told(make, environment, tmp_path):
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'cannot execute' >&2\nexit 3\n")
    program.chmod(0o755)

    with pytest.raises(Problem, match=r"`terraform version` failed\. cannot execute"):
        make(environment={**environment, "PATH": str(program.parent)})


def test_what_an_interrupted_init_left_is_replaced(make, recipe, tmp_path):
    half = tmp_path / "d" / "modules"
    half.mkdir(parents=True)
    (half / "modules.json").write_text("{")

    terraform = make()
    terraform.init()

    assert not half.exists()
    assert not terraform.plan(VALUES).empty


def test_a_lock_of_somebody_else_is_explained(terraform, environment, recipe, tmp_path):
    terraform.apply(terraform.plan(VALUES))
    (recipe / "more.tf").write_text(
        'resource "terraform_data" "slow" {\n  provisioner "local-exec" {\n'
        f'    command = "touch {tmp_path}/began; sleep 30"\n  }}\n}}\n'
    )
    other = subprocess.Popen(
        [
            shutil.which("terraform"), "apply", "-auto-approve", "-var=name=demo",
            f"-state={tmp_path / 's' / 'terraform.tfstate'}",
        ],
        cwd=recipe, env={**environment, "TF_DATA_DIR": str(tmp_path / "d")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(tmp_path / "began")

        with pytest.raises(Problem) as fault:
            terraform.plan(VALUES)
    finally:
        os.killpg(other.pid, 9)
        other.wait()

    assert fault.value.code == "state_locked"
    assert "is locked by" in fault.value.detail
    assert "(apply)" in fault.value.detail
    assert "terraform force-unlock" in fault.value.hint


def wait_for(path, seconds=20.0):
    import time

    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def test_nothing_but_the_adapter_knows_python_terraform():
    folder = Path(sys.modules["deployment.terraform"].__file__).parent

    users = {path.name for path in folder.rglob("*.py") if "python_terraform" in path.read_text()}

    assert users == {"terraform.py"}
