"""What the tests of more than one template share, and the tally of a run."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mirror import terraform_settings
from tally import Tally, template_of


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(config, Path(__file__).parent.parent), "tally")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the reports of tests say which template they are about."""
    for item in items:
        if (name := template_of(item)) is not None:
            item.user_properties.append(("template", name))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def terraform_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment for Terraform: nothing of the user's clouds, providers from a mirror where one lies."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    return terraform_settings(tmp_path_factory.mktemp("terraform"))
