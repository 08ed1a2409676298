"""What the tests of this template share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def template() -> Path:
    """The template's directory."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def pipeline(template: Path) -> Path:
    """The artifact that comes with the template."""
    return template / "example" / "cooler.pipeline"


@pytest.fixture
def cloud(pipeline: Path) -> dict[str, str]:
    """What Cloud Run and the recipe give a container."""
    return {
        "PORT": "8123",
        "K_SERVICE": "cooler",
        "K_REVISION": "cooler-1",
        "GOOGLE_CLOUD_PROJECT": "my-project-123",
        "PIPELINE_PATH": str(pipeline),
    }
