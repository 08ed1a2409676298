"""A place for servers, and the template's own example to serve."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_rest_scorer import background
from local_rest_scorer.place import Place


@pytest.fixture
def example() -> Path:
    return Path(__file__).parent.parent / "example" / "cooler.pipeline"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "servers", "demo")
    yield made
    background.stop(made, remove=True)


@pytest.fixture
def environ() -> dict[str, str]:
    """Settings of a small server on a port that nobody has."""
    import socket

    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return {"PORT": str(opened.getsockname()[1]), "WORKERS": "1"}


@pytest.fixture
def restarted(place: Place) -> Callable[[int], None]:
    """Wait until the server has been started anew that often."""
    import time

    def wait(count: int) -> None:
        end = time.monotonic() + 20
        while not (place.state().get("restarts") == count and place.state()["running"]):
            assert time.monotonic() < end, place.log.read_text()
            time.sleep(0.05)

    return wait
