"""A PostgreSQL of the tests' own that has the extension: the installed one is linked and stays as it is."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from sql_scorer.extension_package import LIBRARY, built, sources

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "sql-scorer"
NATIVE = ROOT / "common" / "core" / "native"
PROGRAMS = ("postgres", "pg_ctl", "initdb")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoring-tests"


def pg_config(binaries: Path) -> str:
    """Name the pg_config of a server; skips the test where its headers are missing."""
    found = binaries / "pg_config"
    program = str(found) if found.is_file() else shutil.which("pg_config")
    if program is None:
        pytest.skip("pg_config was not found")
    headers = Path(_asked(program, "--includedir-server"))
    if not (headers / "fmgr.h").is_file():
        pytest.skip(f"PostgreSQL's headers for servers are not installed ({headers})")
    if shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler")
    return program


def tree(binaries: Path, into: Path, options: Mapping[str, str] | None = None) -> Path:
    """Make a tree of PostgreSQL with the extension in it; gives the folder of its programs.

    A server looks for its files relative to its own program, so a copy of that is all that it takes.
    """
    program = pg_config(binaries)
    homes = {word: Path(_asked(program, f"--{word}")) for word in ("bindir", "sharedir", "pkglibdir")}
    top = Path(os.path.commonpath(list(homes.values())))
    ours = {word: into / home.relative_to(top) for word, home in homes.items()}
    for word in ("sharedir", "pkglibdir"):
        _link(homes[word], ours[word])
    extensions = ours["sharedir"] / "extension"
    extensions.unlink(missing_ok=True)
    _link(homes["sharedir"] / "extension", extensions)
    ours["bindir"].mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        shutil.copy2(homes["bindir"] / name, ours["bindir"] / name)
    for path in _built(program, options or {}).iterdir():
        place = ours["pkglibdir"] if path.name == LIBRARY else extensions
        (place / path.name).unlink(missing_ok=True)
        shutil.copy(path, place / path.name)
    for folder in (into, *filter(Path.is_dir, into.rglob("*"))):
        folder.chmod(0o755)
    return ours["bindir"]


def watched_attack(binaries: Path) -> Path:
    """Give the program that reads damaged artifacts under AddressSanitizer, without a server."""
    options = {
        "ENGINE_OPTIMIZE": "-O1",
        "ENGINE_EXTRA": "-fsanitize=address,undefined -fno-sanitize-recover=undefined",
    }
    return _built(pg_config(binaries), options, "attack.out") / "attack.out"


def _built(program: str, options: Mapping[str, str], goal: str = LIBRARY) -> Path:
    """Give the folder with the extension's files, from the cache or built now."""
    whole = hashlib.sha256(f"{_asked(program, '--version')}{sorted(options.items())}{goal}".encode())
    for name, data in sorted(sources(TEMPLATE, NATIVE).items()):
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    place = CACHE / f"extension-{whole.hexdigest()[:24]}"
    if place.is_dir():
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    with (
        built(TEMPLATE, program, NATIVE, options, goal) as made,
        tempfile.TemporaryDirectory(dir=CACHE) as scratch,
    ):
        for path in (made / goal, made / "scoring.control", *made.glob("scoring--*.sql")):
            shutil.copy(path, scratch)
        try:
            shutil.copytree(scratch, place.with_name(f"{place.name}.{os.getpid()}"))
            place.with_name(f"{place.name}.{os.getpid()}").rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(place.with_name(f"{place.name}.{os.getpid()}"), ignore_errors=True)
    return place


def _link(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        (target / path.name).symlink_to(path)


def _asked(program: str, word: str) -> str:
    return subprocess.run([program, word], capture_output=True, text=True, check=True).stdout.strip()
