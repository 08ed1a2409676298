"""Downloads that the tests keep between runs, each made once however many processes ask for it."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class OutOfReachError(Exception):
    """A download that could not be made; its text says which one and what the installer said."""


def cache() -> Path:
    """Name the folder of everything downloaded for these tests."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "scoring-tests" / "cloud-run"


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """Return `cache()/name`, letting `make` fill an empty folder first where it is not there yet."""
    place = cache() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.with_name(place.name + ".lock")):
        if not place.exists():
            draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
            try:
                make(draft)
                draft.rename(place)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return place


def unpacked(wheel: str, sha256: str) -> Path:
    """Return the folder of an installed wheel (`name==version`), whose hash the installer checks."""

    def make(draft: Path) -> None:
        pin = draft.with_name(draft.name + ".txt")
        pin.write_text(f"{wheel} --hash=sha256:{sha256}\n")
        try:
            _uv("pip", "install", "--no-deps", "--require-hashes", "--target", str(draft), "-r", str(pin))
        finally:
            pin.unlink()

    return kept(f"wheels/{wheel.replace('==', '-')}-{sha256[:12]}", make)


def python_with(requirements: Sequence[str]) -> Path:
    """Return the interpreter of a virtual environment that holds exactly these pinned requirements."""
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:12]

    def make(draft: Path) -> None:
        _uv("venv", "--python", PYTHON, "--clear", str(draft))
        python = str(draft / "bin/python")
        _uv("pip", "install", "--no-deps", "--compile-bytecode", "--python", python, *requirements)

    name = requirements[0].replace("==", "-")
    return kept(f"environments/{name}-compiled-{digest}", make) / "bin" / "python"


PYTHON = "3.11"


def _uv(*arguments: str) -> None:
    here = Path(__file__).parents[4] / ".uv" / "bin" / "uv"
    uv = shutil.which("uv") or (str(here) if here.exists() else None)
    if uv is None:
        raise OutOfReachError("uv is not installed, so nothing can be downloaded")
    done = subprocess.run(
        [uv, "--quiet", "--no-config", *arguments], capture_output=True, text=True, cwd=cache(), timeout=240
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-6:]
        raise OutOfReachError(f"uv {' '.join(arguments[:2])} failed: " + " ".join(last))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
