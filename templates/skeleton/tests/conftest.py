"""The template's own example, and a port that nobody has."""

import socket
from pathlib import Path

import pytest


@pytest.fixture
def example() -> Path:
    return Path(__file__).parent.parent / "example"


@pytest.fixture
def port() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return str(opened.getsockname()[1])
