"""Once: what is slow to make is made by the first process of a run that needs it, and the others wait."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of this run have."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def once(done: Path, make: Callable[[], str]) -> str:
    """Return what `make` gave to the first who asked; it is kept in the file `done`."""
    done.parent.mkdir(parents=True, exist_ok=True)
    with _locked(done.with_name(f"{done.name}.lock")):
        if not done.exists():
            done.write_text(make(), "utf-8")
    return done.read_text("utf-8")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
