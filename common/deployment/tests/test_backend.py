"""State that is kept elsewhere: a backend by a file, with a workspace for each deployment."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import scoring
from deployment import inspection
from deployment.console import Console
from deployment.deploy import deploy
from deployment.destroy import destroy
from deployment.rollback import rollback
from scoring.problem import Problem


@pytest.fixture
def shared(tmp_path):
    return tmp_path / "shared"


@pytest.fixture
def config(template, tmp_path, shared):
    """Give the template a backend that wants settings, and the file with them."""
    (template / "terraform" / "backend.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    path = tmp_path / "backend.hcl"
    path.write_text(f'workspace_dir = "{shared}"\n')
    return path


def test_the_state_lies_where_the_backend_says(
    order, console, target, pipelines, config, shared, environment
):
    record = deploy(order(pipelines[0], backend_config=config), console)

    assert record.backend == "local"
    states = [path.relative_to(shared).as_posix() for path in shared.rglob("*.tfstate")]
    assert states == ["demo/terraform.tfstate"]
    assert not list(Path(environment["SCORING_HOME"]).glob("deployments/demo/*.tfstate"))
    assert inspection.api_key("demo") == target.key
    deploy(order(pipelines[1]), console)  # the settings of the backend are remembered
    rollback("demo", console)
    assert scoring.load(target.live).name == "one"
    destroy("demo", console)
    assert inspection.listing() == []


def test_deployments_do_not_meet_in_one_backend(order, console, pipelines, config, shared, tmp_path):
    deploy(order(pipelines[0], backend_config=config), console)
    second = order(pipelines[1], f"live={tmp_path / 'other'}", backend_config=config, test=False)

    deploy(replace(second, name="second"), console)

    assert sorted(path.parent.name for path in shared.rglob("terraform.tfstate")) == ["demo", "second"]
    destroy("demo", console)
    assert [each["name"] for each in inspection.listing()] == ["second"]
    destroy("second", console)


def test_a_local_state_moves_into_a_new_backend(
    order, console, target, pipelines, template, tmp_path, shared, environment, capsys
):
    deploy(order(pipelines[0]), console)
    (template / "terraform" / "backend.tf").write_text(
        f'terraform {{\n  backend "local" {{\n    workspace_dir = "{shared}"\n  }}\n}}\n'
    )
    capsys.readouterr()

    with pytest.raises(Problem, match="no terminal"):  # declined, but the state has moved
        deploy(order(pipelines[1]), Console())
    assert inspection.api_key("demo") == target.key
    deploy(order(pipelines[0]), console)

    said = capsys.readouterr().err
    assert "The state is in the backend (local) from now on." in said
    assert "nothing to do" in said  # what was deployed is known there
    assert (shared / "demo" / "terraform.tfstate").exists()
    assert not (Path(environment["SCORING_HOME"]) / "deployments" / "demo" / "terraform.tfstate").exists()
    assert inspection.api_key("demo") == target.key
    destroy("demo", console)


def test_settings_for_a_backend_that_is_not_there_are_refused(order, console, pipelines, tmp_path):
    config = tmp_path / "backend.hcl"
    config.write_text('bucket = "x"\n')

    with pytest.raises(Problem) as fault:
        deploy(order(pipelines[0], backend_config=config), console)

    assert fault.value.code == "backend_missing"
    assert "backend.tf.example" in fault.value.hint


def test_a_backend_that_went_is_missed(order, console, pipelines, config, template):
    deploy(order(pipelines[0], backend_config=config), console)
    (template / "terraform" / "backend.tf").unlink()

    with pytest.raises(Problem) as fault:
        deploy(order(pipelines[0]), console)

    assert fault.value.code in ("backend_gone", "backend_missing")


def test_the_state_of_another_deployment_is_not_overwritten(
    order, console, pipelines, config, template, environment, shared
):
    backend = template / "terraform" / "backend.tf"
    text = backend.read_text()
    deploy(order(pipelines[0], backend_config=config), console)
    there = (shared / "demo" / "terraform.tfstate").read_bytes()
    shutil.rmtree(environment["SCORING_HOME"])  # another machine, which knows nothing of it
    backend.unlink()
    deploy(order(pipelines[1]), console)
    backend.write_text(text)

    with pytest.raises(Problem, match="lineage"):
        deploy(order(pipelines[1], backend_config=config), console)

    assert (shared / "demo" / "terraform.tfstate").read_bytes() == there
    assert (Path(environment["SCORING_HOME"]) / "deployments" / "demo" / "terraform.tfstate").exists()
