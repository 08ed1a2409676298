"""A bundle: a template, our wheels and others' libraries as one executable file, always the same bytes.

The third-party distributions are those that are installed here, which are those that were tested.
"""

import hashlib
import importlib.metadata
import platform
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from scoring.draft import drafted
from scoring.problem import Problem

from deployment.archive import NOT_RUN, zipped

_NEED: Final = re.compile(r"\s*([A-Za-z0-9._-]+)")


def bundle(
    folder: Path,
    target: Path,
    own: Sequence[str],
    members: Mapping[str, bytes],
    roots: Sequence[str] | None = None,
) -> list[str]:
    """Write the bundle of the template in `folder`; return the names of the third-party distributions in it.

    `own` are our distributions, whose wheels lie in vendor/; `members` are further files by their names.
    `roots` are the third-party distributions to take with all that they need; None: those that our wheels
    need. A bundle that is there already with the same content is only touched.

    Raises:
        Problem: a wheel or a distribution is missing.
    """
    wheels = [_wheel(folder / "vendor", name) for name in own]
    needs = [need for wheel in wheels for need in _needs_of_wheel(wheel)]
    others = sorted(_others(needs if roots is None else [(name, False) for name in roots], own))
    whole = dict(members)
    for path in sorted((folder / "src").glob("*/*.py")):
        whole[f"{path.parent.name}/{path.name}"] = path.read_bytes()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            whole |= {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    for name in others:
        whole |= dict(_files(name))
    target.parent.mkdir(exist_ok=True)
    digest = _digest(whole)
    if _comment(target) == digest:
        target.touch()  # packing what is packed already would take seconds
    else:
        with drafted(target) as draft:
            draft.write_bytes(zipped(whole, prefix=_interpreter(), comment=digest))
            draft.chmod(0o755)
    return others


def _wheel(vendor: Path, name: str) -> Path:
    """Return the wheel of one of our own distributions that fits this Python and machine."""
    machine = platform.machine()
    wheels = sorted(vendor.glob(f"{name.replace('-', '_')}-*.whl"))
    found = [path for path in wheels if path.stem.endswith((machine, "any"))]
    if not found:
        detail = f"{str(vendor)!r} has no wheel of {name} for {machine}."
        raise Problem("wheel_missing", 500, detail, "Run `make package`, which puts it there.")
    return found[-1]


def _others(waiting: list[tuple[str, bool]], own: Sequence[str]) -> set[str]:
    """Return the third-party distributions that these requirements need, directly or not."""
    found: set[str] = set()
    while waiting:
        name, marked = waiting.pop()
        if name in found or name in own:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            if marked:
                continue  # for another system or Python
            hint = "Run `uv sync` in the template's directory."
            raise Problem("distribution_missing", 500, f"{name} is not installed here.", hint) from None
        found.add(name)
        waiting += _parsed(needs)
    return found


def _needs_of_wheel(wheel: Path) -> list[tuple[str, bool]]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode("utf-8").partition("\n\n")[0].splitlines()
    key = "Requires-Dist:"
    return _parsed([line[len(key) :] for line in lines if line.startswith(key)])


def _parsed(needs: list[str]) -> list[tuple[str, bool]]:
    """Return the names of requirements that no extra brings, and whether each is under a condition."""
    found = []
    for need in needs:
        match = _NEED.match(need)
        marker = need.partition(";")[2]
        if match and "extra" not in marker:
            found.append((re.sub(r"[-_.]+", "-", match[1]).lower(), bool(marker)))
    return found


def _files(name: str) -> Iterator[tuple[str, bytes]]:
    """Give the files of an installed distribution that running it needs."""
    for path in importlib.metadata.distribution(name).files or ():
        shown = PurePosixPath(path).as_posix()
        if not shown.startswith((".", "/")) and not NOT_RUN.search(shown):
            yield shown, Path(str(path.locate())).read_bytes()


def _digest(members: Mapping[str, bytes]) -> bytes:
    whole = hashlib.sha256(_interpreter())
    for name in sorted(members):
        whole.update(f"{name}\0{len(members[name])}\0".encode())
        whole.update(members[name])
    return whole.hexdigest().encode()


def _comment(path: Path) -> bytes:
    """Return the comment of a package that was made before, b"" if there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment
    except (OSError, zipfile.BadZipFile):
        return b""


def _interpreter() -> bytes:
    return f"#!{Path(sys.executable).resolve()}\n".encode()
