"""A PostgreSQL of the tests' own that has the extension: the installed one is copied and stays as it is."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from sql_scorer.extension_package import LIBRARY, built, sources

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "sql-scorer"
NATIVE = ROOT / "common" / "core" / "native"
PROGRAMS = ("postgres", "pg_ctl", "initdb")
WATCHED = {
    "ENGINE_OPTIMIZE": "-O1",
    "ENGINE_EXTRA": "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer",
}
"""The Makefile's options for memory and arithmetic that the compiler's sanitizers watch."""
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
    place = _linked if top.is_relative_to("/usr") else _copied  # the server's user may not go everywhere
    for word in ("sharedir", "pkglibdir"):
        place(homes[word], ours[word])
    extensions = ours["sharedir"] / "extension"
    if extensions.is_symlink():
        extensions.unlink()
        _linked(homes["sharedir"] / "extension", extensions)
    ours["bindir"].mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        shutil.copy2(homes["bindir"] / name, ours["bindir"] / name)
        (ours["bindir"] / name).chmod(0o755)  # zip files lose it
    for path in _built(program, options or {}).iterdir():
        goal = ours["pkglibdir"] if path.name == LIBRARY else extensions
        (goal / path.name).unlink(missing_ok=True)
        shutil.copy(path, goal / path.name)
    for folder in (into, *filter(Path.is_dir, into.rglob("*"))):
        folder.chmod(0o755)
    return ours["bindir"]


def watched_attack(binaries: Path) -> Path:
    """Give the program that reads damaged artifacts under the sanitizers, without a server."""
    return _built(pg_config(binaries), WATCHED, "attack.out") / "attack.out"


def _built(program: str, options: Mapping[str, str], goal: str = LIBRARY) -> Path:
    """Give the folder with the extension's files, from the cache or built now."""
    files = sorted(sources(TEMPLATE, NATIVE).items())
    place = CACHE / f"extension-{_digest(files, options, goal, _asked(program, '--version'))}"
    if place.is_dir():
        return place
    engine = [(name, data) for name, data in files if name.startswith("native/") or name == "Makefile"]
    objects = CACHE / f"engine-{_digest(engine, options)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # another process may be about to build the same
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            _build(program, options, goal, objects, place)
    return place


def _build(program: str, options: Mapping[str, str], goal: str, objects: Path, place: Path) -> None:
    with built(TEMPLATE, program, NATIVE, options, goal, objects) as made:
        _keep(objects, made.glob("engine-*.o"))
        _keep(place, [made / goal, made / "scoring.control", *made.glob("scoring--*.sql")])


def _digest(files: Iterable[tuple[str, bytes]], options: Mapping[str, str], *more: str) -> str:
    whole = hashlib.sha256(f"{sorted(options.items())}{more}".encode())
    for name, data in files:
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()[:24]


def _keep(place: Path, files: Iterable[Path]) -> None:
    """Copy files to a new folder, which is there whole or not at all."""
    if place.is_dir():
        return
    draft = Path(tempfile.mkdtemp(dir=CACHE))
    for path in files:
        shutil.copy(path, draft)
    draft.rename(place)


def _linked(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        (target / path.name).symlink_to(path)


def _copied(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)


def _asked(program: str, word: str) -> str:
    return subprocess.run([program, word], capture_output=True, text=True, check=True).stdout.strip()
