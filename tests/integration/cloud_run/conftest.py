"""What the tests of the Cloud Run recipe share: a stand-in for Google's provider, and a storage emulator."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from standin import api, gcs, mirror
from standin.bindings import NEWEST
from standin.cache import OutOfReachError

Environment = dict[str, str]


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[str]:
    """A storage emulator; gives its address."""
    try:
        with gcs.serving() as address:
            yield address
    except OutOfReachError as error:
        pytest.skip(f"the storage emulator cannot be had: {error}")


@pytest.fixture(scope="session")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the program of the stand-in for a version of Google's provider; made once."""
    made: dict[str, Path] = {}

    def standin(version: str) -> Path:
        if version not in made:
            try:
                made[version] = mirror.mirror(version, tmp_path_factory.mktemp(f"google-{version}"))
            except OutOfReachError as error:
                pytest.skip(f"the schema of Google's provider {version} cannot be had: {error}")
        return made[version]

    return standin


@pytest.fixture(scope="session")
def google_environments(
    standins: Callable[[str], Path],
    terraform_environment: Environment,
    fake_gcs: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Environment]:
    """Gives an environment for Terraform with the stand-in of a version, and a cloud that is empty."""

    def environment(version: str) -> Environment:
        folder = tmp_path_factory.mktemp("cloud")
        return {
            **terraform_environment,
            "TF_CLI_CONFIG_FILE": str(mirror.settings(folder, standins(version).parents[5])),
            "STANDIN_LEDGER": str(folder / "ledger.json"),
            "STORAGE_EMULATOR_HOST": fake_gcs,
        }

    return environment


@pytest.fixture(scope="session")
def google_environment(google_environments: Callable[[str], Environment]) -> Environment:
    """An environment for Terraform with the stand-in of the newest version, one for the whole run."""
    return google_environments(NEWEST.version)


@pytest.fixture(scope="session")
def recipe_copy(root: Path) -> Callable[[Path], Path]:
    """Copies the template's recipe and example to a folder, where Terraform may write."""

    def copy(folder: Path) -> Path:
        template = root / "gcp-cloud-run-scorer"
        left_out = shutil.ignore_patterns(".terraform*", "*.tfstate*", "terraform.tfvars")
        shutil.copytree(template / "terraform", folder / "terraform", ignore=left_out)
        shutil.copytree(template / "example", folder / "example")
        return folder

    return copy


@pytest.fixture(scope="session")
def cloud_run_api() -> Iterator[Callable[[Path], dict[str, Any]]]:
    """Reads a plan's JSON file as the Cloud Run API would; gives {"services": [...]} or {"error": why}."""
    try:
        with api.reader() as read:
            yield read
    except OutOfReachError as error:
        pytest.skip(f"the messages of the Cloud Run API cannot be had: {error}")
