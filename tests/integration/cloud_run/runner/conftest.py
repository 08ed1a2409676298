"""The planned service run here: what the tests of both engines share."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deployment.package import package
from deployment.template import Template
from deployment.terraform import Terraform

sys.path.insert(0, str(Path(__file__).parent))

from local_cloud_run import registry, state
from local_cloud_run.engines import ContainerEngine, ProcessEngine
from standin.cache import cache

TEMPLATE = "gcp-cloud-run-scorer"
ME = "user:me@example.com"
PLACE = "europe-west1-docker.pkg.dev/my-project-123/scorers"
IGNORED = shutil.ignore_patterns(".venv", ".uv", "build", "__pycache__", ".terraform*", "*.tfstate*")


@dataclass(frozen=True)
class Applied:
    """A recipe that was applied on the stand-in provider."""

    document: Any
    """As `terraform show -json` tells it."""
    outputs: dict[str, Any]


@dataclass(frozen=True)
class Packaged:
    """A template that was packaged with `options`."""

    folder: Path
    options: dict[str, str]
    image: dict[str, Any]
    """build/image.json."""
    registry: registry.Registry


def _copy(root: Path, factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp("copy") / TEMPLATE
    shutil.copytree(root / TEMPLATE, folder, ignore=IGNORED)
    return folder


@pytest.fixture(scope="session")
def pipeline(root: Path) -> Path:
    """The artifact of the tests."""
    return root / TEMPLATE / "example" / "cooler.pipeline"


@pytest.fixture(scope="session")
def storage(google_environment: dict[str, str]) -> str:
    """The address of the storage emulator that the stand-in provider writes to."""
    return google_environment["STORAGE_EMULATOR_HOST"]


@pytest.fixture(scope="session")
def template(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template, in which an image is said to have been pushed."""
    folder = _copy(root, tmp_path_factory)
    (folder / "build").mkdir()
    reference = f"{PLACE}/{TEMPLATE}@sha256:{'5' * 64}"
    (folder / "build" / "image.json").write_text(json.dumps({"reference": reference}))
    (folder / "build" / "sbom-amd64.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def apply_recipe(
    template: Path,
    pipeline: Path,
    google_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Applied]:
    """Apply the recipe with variables on the stand-in provider, which ends with this run."""

    def apply(**variables: Any) -> Applied:
        folder = tmp_path_factory.mktemp("applied")
        name = f"scorer-{folder.name.removeprefix('applied')}"
        given = {"name": name, "project": "my-project-123", "pipeline_path": str(pipeline), **variables}
        recipe, data, path = template / "terraform", folder / "data", folder / "state"
        terraform = Terraform(recipe, state=path, data=data, environment=google_environment)
        terraform.init()
        terraform.apply(terraform.plan(given))
        document = state.StateFile(recipe, path, data, google_environment)()
        return Applied(document, {**terraform.outputs(), "name": name})

    return apply


@pytest.fixture(scope="session")
def applied(apply_recipe: Callable[..., Applied]) -> Applied:
    """The recipe with a caller, a key and a mounted bucket."""
    return apply_recipe(
        invokers=[ME],
        api_key_source="generated",
        concurrency=4,
        max_instances=1,
        timeout_seconds=60,
        environment={"SCORER_MAX_CONTRIBUTION_ROWS": "100000"},
    )


@pytest.fixture(scope="session")
def process_engine(storage: str) -> ProcessEngine:
    """Instances as processes; skips where this user may not have a mount namespace of their own."""
    command = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if (
        shutil.which("unshare") is None
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("a bucket cannot be mounted for a process here: `unshare --mount` does not work")
    return ProcessEngine(storage)


@pytest.fixture(scope="session")
def packaged(
    root: Path,
    container_engine: Any,
    python_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Packaged]:
    """A copy of the template whose image the tests' container engine built, and pushed to a registry here."""
    folder = _copy(root, tmp_path_factory)
    words = ["podman", *container_engine._storage]
    with pytest.MonkeyPatch.context() as patch, registry.registry() as images:
        patch.setenv("BUILDAH_ISOLATION", "chroot")
        patch.setenv("CONTAINERS_CONF", container_engine._environment["CONTAINERS_CONF"])
        options = {"engine": " ".join(words), "repository": f"{images.host}/scorers"}
        package(Template.read(folder), options, print)
        image = json.loads((folder / "build" / "image.json").read_text())
        with (cache() / "image.lock").open("w") as used:
            fcntl.flock(used, fcntl.LOCK_SH)
            yield Packaged(folder, options, image, images)
            with suppress(BlockingIOError):  # another run of the tests has the same image
                fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
                container_engine.remove(container_engine.image(image["tag"])["Id"])  # with all its names


@pytest.fixture(scope="session")
def podman_engine(container_engine: Any, packaged: Packaged) -> ContainerEngine:
    """Instances as containers of that image, in 128 MiB."""
    environment = dict(container_engine._environment)
    return ContainerEngine(["podman", *container_engine._storage], packaged.image["tag"], environment)


@pytest.fixture(scope="session")
def shell_environment(google_environment: dict[str, str]) -> dict[str, str]:
    """The environment of a person's shell, without anything that leads out of this host."""
    proxies = {name for name in os.environ if name.lower().endswith("_proxy")}
    return {name: value for name, value in google_environment.items() if name not in proxies}
