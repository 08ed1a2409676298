"""The planned service, read by the Cloud Run API's own message; the recipe's own tests on the stand-in."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standin import mirror
from standin.bindings import GOOGLE, NEWEST

Environment = dict[str, str]
VARIABLES: dict[str, Any] = {
    "image": f"europe-west1-docker.pkg.dev/my-project-123/scorers/cooler@sha256:{'0' * 64}",
    "name": "cooler",
    "pipeline_path": "../example/cooler.pipeline",
    "project": "my-project-123",
}


def terraform(folder: Path, environment: Environment, *words: str) -> str:
    done = subprocess.run(
        ["terraform", *words, "-no-color"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(
    folder: Path, environment: Environment, api: Callable[[Path], dict[str, Any]], variables: dict[str, Any]
) -> dict[str, Any]:
    """Plan with these variables; gives the service as the API would read it."""
    (folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES | variables))
    terraform(folder, environment, "plan", "-input=false", "-out=plan.bin")
    (folder / "plan.json").write_text(terraform(folder, environment, "show", "-json", "plan.bin"))
    answer = api(folder / "plan.json")
    assert "error" not in answer, answer["error"]
    (service,) = answer["services"]
    return dict(service)


@pytest.mark.parametrize("version", GOOGLE)
def test_the_api_reads_what_is_planned(
    version: str,
    tmp_path: Path,
    recipe_copy: Callable[[Path], Path],
    google_environments: Callable[[str], Environment],
    cloud_run_api: Callable[[Path], dict[str, Any]],
) -> None:
    folder, environment = recipe_copy(tmp_path / "copy") / "terraform", google_environments(version)
    terraform(folder, environment, "init", "-input=false")

    plain = read(folder, environment, cloud_run_api, {})
    (container,) = plain["template"]["containers"]
    assert plain["ingress"] == "INGRESS_TRAFFIC_ALL"
    assert plain["template"]["timeout"] == "60s"
    assert plain["template"]["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2"
    assert container["image"] == VARIABLES["image"]
    assert container["resources"] == {
        "limits": {"cpu": "1", "memory": "512Mi"},
        "cpuIdle": True,
        "startupCpuBoost": True,
    }
    assert container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    (volume,) = plain["template"]["volumes"]
    assert volume["gcs"] == {"bucket": "my-project-123-cooler-pipelines", "readOnly": True}
    assert plain["traffic"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]

    other = read(
        folder,
        environment,
        cloud_run_api,
        {
            "api_key_source": "secret",
            "api_key_secret": "scorer-key",
            "cpu": 2,
            "cpu_always": True,
            "delivery": "download",
            "ingress": "internal-and-load-balancer",
            "invoker_iam_disabled": True,
            "labels": {"team": "cooling"},
            "max_instances": 8,
            "memory": "2Gi",
            "min_instances": 2,
            "timeout_seconds": 300,
            "vpc": {"network": "default", "subnetwork": "default", "egress": "ALL_TRAFFIC"},
        },
    )
    (container,) = other["template"]["containers"]
    environment_of = {entry["name"]: entry for entry in container["env"]}
    reference = environment_of["API_KEY"]["valueSource"]["secretKeyRef"]
    assert reference == {"secret": "scorer-key", "version": "1"}
    assert environment_of["PIPELINE_URI"]["value"].startswith("gs://my-project-123-cooler-pipelines/cooler/")
    assert other["invokerIamDisabled"] is True
    assert other["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert other["labels"] == other["template"]["labels"] == {"team": "cooling"}
    assert other["template"]["scaling"] == {"minInstanceCount": 2, "maxInstanceCount": 8}
    assert other["template"]["vpcAccess"]["egress"] == "ALL_TRAFFIC"
    assert "volumes" not in other["template"]
    assert "cpuIdle" not in container["resources"], "false, which the API's JSON leaves out: always on"


@pytest.mark.parametrize("version", GOOGLE)
def test_the_recipe_s_own_tests_pass(
    version: str,
    tmp_path: Path,
    recipe_copy: Callable[[Path], Path],
    standins: Callable[[str], Path],
    google_environments: Callable[[str], Environment],
) -> None:
    folder, environment = recipe_copy(tmp_path / "copy") / "terraform", google_environments(version)
    terraform(folder, environment, "init", "-input=false")

    # One provider process for all runs of the test, each of which would start several.
    with mirror.running(standins(version), tmp_path / "ledger.json") as attached:
        said = terraform(folder, {**environment, "TF_REATTACH_PROVIDERS": attached}, "test")

    assert "Success!" in said
    assert "0 failed" in said


def test_terraform_itself_says_that_this_is_no_released_provider(
    tmp_path: Path,
    recipe_copy: Callable[[Path], Path],
    standins: Callable[[str], Path],
    terraform_environment: Environment,
) -> None:
    folder = recipe_copy(tmp_path / "copy") / "terraform"
    settings = mirror.overrides(tmp_path, standins(NEWEST.version))

    own = {
        **terraform_environment,
        "TF_CLI_CONFIG_FILE": str(settings),
        "STANDIN_LEDGER": str(tmp_path / "l"),
    }

    said = terraform(folder, own, "validate")

    assert "Provider development overrides are in effect" in said
    assert "The configuration is valid" in said
