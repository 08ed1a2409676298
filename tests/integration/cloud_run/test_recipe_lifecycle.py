"""The recipe on the stand-in: planned, applied, planned again, changed, taken back and destroyed."""

import json
import secrets
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deployment.terraform import Terraform
from scoring.problem import Problem
from standin.bindings import GOOGLE
from standin.ledger import Ledger

Environment = dict[str, str]
IMAGE = f"europe-west1-docker.pkg.dev/my-project-123/scorers/cooler@sha256:{'0' * 64}"
FULL: dict[str, Any] = {
    "api_key_source": "generated",
    "canary_percent": 0,
    "domain": "scores.example.com",
    "invokers": ["allUsers", "user:me@example.com"],
    "labels": {"team": "cooling"},
    "min_instances": 1,
    "repository": "scorers",
    "vpc": {"network": "default", "subnetwork": "default", "egress": "ALL_TRAFFIC"},
}


class Deployed:
    """The recipe in a copy, its cloud, and a client for the storage emulator."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.environment = environment
        self.ledger = Ledger(Path(environment["STANDIN_LEDGER"]))
        self.terraform = Terraform(
            folder / "terraform", state=folder / "s/state", data=folder / "s/data", environment=environment
        )
        self.variables: dict[str, Any] = {
            "image": IMAGE,
            "name": f"cooler-{secrets.token_hex(4)}",
            "pipeline_path": str(folder / "example" / "cooler.pipeline"),
            "project": "my-project-123",
        }

    def apply(self, **changed: Any) -> dict[str, Any]:
        """Apply with these variables, and see that nothing is left to do; gives the outputs."""
        given = {**self.variables, **changed}
        self.terraform.apply(self.terraform.plan(given))
        left = self.terraform.plan(given)
        assert left.empty, left.changes
        return self.terraform.outputs()

    def destroy(self, **changed: Any) -> None:
        self.terraform.destroy({**self.variables, **changed})

    def kinds(self) -> set[str]:
        return {name.split()[0] for name in self.ledger.names()}

    def objects(self, bucket: str) -> list[str]:
        """Names of the objects that lie in the emulator's bucket."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.environment['STORAGE_EMULATOR_HOST']}/storage/v1/b/{bucket}/o") as answer:
            return sorted(item["name"] for item in json.load(answer).get("items", []))


@pytest.fixture
def deployed(
    tmp_path: Path, recipe_copy: Callable[[Path], Path], google_environments: Callable[[str], Environment]
) -> Iterator[Callable[[str], Deployed]]:
    """Copy the recipe and initialise it on the stand-in of a version."""

    def ready(version: str) -> Deployed:
        made = Deployed(recipe_copy(tmp_path / "cooler"), google_environments(version))
        made.terraform.init()
        return made

    yield ready
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize("version", GOOGLE)
def test_apply_plans_nothing_more_and_destroy_leaves_nothing(
    deployed: Callable[[str], Deployed], version: str
) -> None:
    made = deployed(version)
    outputs = made.apply(**FULL)

    bucket = f"my-project-123-{made.variables['name']}-pipelines"
    assert made.objects(bucket) == [f"{made.variables['name']}/{outputs['pipeline_digest']}.pipeline"]
    assert outputs["url"] == "https://scores.example.com"
    assert outputs["api_key"]
    assert {
        "google_artifact_registry_repository",
        "google_cloud_run_domain_mapping",
        "google_cloud_run_v2_service",
        "google_cloud_run_v2_service_iam_member",
        "google_secret_manager_secret_iam_member",
        "google_secret_manager_secret_version",
        "google_storage_bucket_iam_member",
    } <= made.kinds()

    made.destroy(**FULL)

    assert made.terraform.resources() == []
    assert made.kinds() == {"google_project_service"}, "APIs stay enabled, and nothing else stays"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        made.objects(bucket)


def test_an_earlier_release_answers_again(deployed: Callable[[str], Deployed], tmp_path: Path) -> None:
    made = deployed("8.7.0")
    first = made.apply()
    service = f"projects/my-project-123/locations/europe-west1/services/{made.variables['name']}"

    second = made.apply(concurrency=8)
    assert second["release"] != first["release"]

    back = made.apply(concurrency=8, release=first["release"])
    entry = made.ledger.all()["google_cloud_run_v2_service", service]
    assert back["release"] == first["release"]
    assert entry["revisions"] == [first["release"], second["release"]]
    assert [(part["revision"], part["percent"]) for part in entry["traffic"]] == [(first["release"], 100)]

    made.apply(concurrency=8, release=first["release"], canary_percent=10)
    entry = made.ledger.all()["google_cloud_run_v2_service", service]
    assert {part["revision"]: part["percent"] for part in entry["traffic"]} == {
        first["release"]: 90,
        second["release"]: 10,
    }
    made.destroy()


def test_a_protected_service_is_not_destroyed(deployed: Callable[[str], Deployed]) -> None:
    made = deployed("8.7.0")
    made.apply(deletion_protection=True)

    with pytest.raises(Problem, match="deletion_protection"):
        made.destroy(deletion_protection=True)

    assert "google_cloud_run_v2_service" in made.kinds()


def test_bigquery_calls_the_service(deployed: Callable[[str], Deployed]) -> None:
    made = deployed("6.50.0")
    outputs = made.apply(bigquery_dataset="plant", bigquery_location="EU")

    assert outputs["bigquery_function"] == "`my-project-123.plant.score`"
    name = made.variables["name"]
    assert "google_bigquery_routine plant score" in made.ledger.names()
    (grant,) = [line for line in made.ledger.names() if "service_iam_member" in line]
    assert name in grant
    assert "roles/run.invoker serviceAccount:bqcx-" in grant
