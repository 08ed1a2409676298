"""The template's own example, and its request."""

import json
from pathlib import Path

import pytest
import scoring
from scoring.scorer import Scorer

TEMPLATE = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def template() -> Path:
    """The template's directory."""
    return TEMPLATE


@pytest.fixture(scope="session")
def example() -> Path:
    """The artifact that comes with the template."""
    return TEMPLATE / "example" / "cooler.pipeline"


@pytest.fixture(scope="session")
def scorer(example: Path) -> Scorer:
    """Its scorer."""
    return scoring.load(example)


@pytest.fixture(scope="session")
def rows() -> list[list[str]]:
    """The rows of the request that comes with it, as cells."""
    found: list[list[str]] = json.loads((TEMPLATE / "example" / "request.json").read_text())["rows"]
    return found
