"""The recipe on the stand-in: planned, applied, planned again, changed, taken back and destroyed."""

import hashlib
import json
import secrets
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cycle import Cycle, Life
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
        listed = json.loads(self.ask(f"storage/v1/b/{bucket}/o"))
        return sorted(item["name"] for item in listed.get("items", []))

    def ask(self, path: str) -> bytes:
        """Ask the storage emulator."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.environment['STORAGE_EMULATOR_HOST']}/{path}") as answer:
            found: bytes = answer.read()
            return found


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


@pytest.fixture(scope="module", params=["gcp-cloud-run-scorer"])
def life(
    root: Path,
    recipe_copy: Callable[[Path], Path],
    google_environments: Callable[[str], Environment],
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    """One deployment's life, with a canary before its end."""
    folder = tmp_path_factory.mktemp("life")
    made = Deployed(recipe_copy(folder / "cooler"), google_environments("8.7.0"))
    other = folder / "other.pipeline"
    shutil.copy(root / "local-rest-scorer" / "example" / "cooler.pipeline", other)
    with other.open("ab") as file:
        file.write(b"\n")  # nobody loads it here
    life = Life(
        root / "gcp-cloud-run-scorer", made.terraform, made.variables, other,
        answering=lambda _: _answering(made), there=lambda: _there(made), look=lambda: _service(made),
    )  # fmt: skip
    with life:
        life.play()
        life.step("canary", {**life.back, "canary_percent": 10})
    return life


class TestCycle(Cycle):
    pass


def _service(made: Deployed) -> dict[str, Any]:
    name = f"projects/my-project-123/locations/europe-west1/services/{made.variables['name']}"
    found: dict[str, Any] = made.ledger.all()["google_cloud_run_v2_service", name]
    return found


def _answering(made: Deployed) -> str:
    """The digest of the object after which the revision with the most requests is named."""
    service = _service(made)
    shares = {part["revision"]: part["percent"] for part in service["traffic"] or [] if part["revision"]}
    revision = max(shares, key=lambda name: shares[name]) if shares else service["revisions"][-1]
    name = made.variables["name"]
    start = revision.removeprefix(f"{name}-")[:12]
    (key,) = [
        key for key in made.objects(f"my-project-123-{name}-pipelines") if key.startswith(f"{name}/{start}")
    ]
    path = quote(key, safe="")
    body = made.ask(f"storage/v1/b/my-project-123-{name}-pipelines/o/{path}?alt=media")
    return hashlib.sha256(body).hexdigest()


def _there(made: Deployed) -> dict[str, Any]:
    """What exists; APIs stay enabled, since others in the project may use them."""
    buckets = json.loads(made.ask("storage/v1/b")).get("items", [])
    return {
        "resources": [name for name in made.ledger.names() if not name.startswith("google_project_service ")],
        "buckets": sorted(bucket["name"] for bucket in buckets),
    }


def test_traffic_is_shared_with_a_canary(life: Life) -> None:
    releases = [life.stages[step].outputs["release"] for step in ("apply", "change", "rollback")]
    entries = {step: stage.seen for step, stage in life.stages.items()}
    shares = {
        step: {part["revision"]: part["percent"] for part in entries[step]["traffic"]}
        for step in ("rollback", "canary")
    }

    assert releases[0] == releases[2] != releases[1]
    assert entries["rollback"]["revisions"] == releases[:2]
    assert shares == {"rollback": {releases[0]: 100}, "canary": {releases[0]: 90, releases[1]: 10}}


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
