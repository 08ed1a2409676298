"""Packaging: this template and what installing needs -> one executable file, always the same bytes.

`build/installer.pyz` has the wheels of `vendor/` and the third-party distributions that are installed here,
which are those that were tested. What only embedded scoring needs, DuckDB and Arrow, stays out of it.
"""

import hashlib
import importlib.metadata
import io
import re
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from scoring.draft import drafted
from scoring.problem import Problem

from sql_scorer.extension_package import package_extension
from sql_scorer.native import vendor_native
from sql_scorer.program import MANIFEST, made_for

OWN: Final = ("scoring-core", "scoring-sql")
PG_CONFIG: Final = "pg_config"
PACKAGE: Final = "build/installer.pyz"
ROOTS: Final = ("numpy", "psycopg", "psycopg-binary")
"""What installing needs of others; the rest is what these need."""

_MAIN: Final = b"from sql_scorer.program import main\n\nraise SystemExit(main())\n"
_LEFT_OUT: Final = re.compile(
    r"(^|/)(tests?|__pycache__|include|f2py|_pyinstaller|distutils)/|"
    r"\.(pyi|pyx|pxd|pxi|c|h|hpp|a|pyc)$|dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_.*)$"
)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_NEED: Final = re.compile(r"\s*([A-Za-z0-9._-]+)")


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Make what `terraform apply` needs; return the files.

    With the option `pg_config`, the path of that program, the extension for its server is built too.

    Raises:
        Problem: an option is not known, or a wheel or a distribution is missing.
    """
    if unknown := sorted(set(options) - {PG_CONFIG}):
        detail = f"There is no option {', '.join(unknown)}: the package is for the machine that makes it."
        raise Problem("option_unknown", 422, detail, f"Leave it out. {PG_CONFIG}=PATH builds the extension.")
    vendor_native(folder)
    wheels = [_wheel(folder / "vendor", name) for name in OWN]
    others = sorted(_others())
    members = {"__main__.py": _MAIN, MANIFEST: f"{made_for()}\n".encode()}
    for path in sorted((folder / "src" / "sql_scorer").glob("*.py")):
        members[f"sql_scorer/{path.name}"] = path.read_bytes()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            members |= {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    for name in others:
        members |= dict(_files(name))
    target = folder / PACKAGE
    target.parent.mkdir(exist_ok=True)
    digest = _digest(members)
    if _comment(target) == digest:
        target.touch()  # packing what is packed already would take seconds
    else:
        with drafted(target) as draft:
            draft.write_bytes(_zipped(members, digest))
            draft.chmod(0o755)
    return [target, *([package_extension(folder, options[PG_CONFIG])] if PG_CONFIG in options else [])]


def _wheel(vendor: Path, name: str) -> Path:
    """Return the wheel of one of our own distributions that fits this Python and machine."""
    tags = (sysconfig.get_platform().replace("-", "_").replace(".", "_").rpartition("_")[2], "any")
    machine = made_for().rpartition(" ")[2]
    found = [
        path
        for path in sorted(vendor.glob(f"{name.replace('-', '_')}-*.whl"))
        if path.stem.endswith((*tags, machine))
    ]
    if not found:
        detail = f"{str(vendor)!r} has no wheel of {name} for {machine}."
        raise Problem("wheel_missing", 500, detail, "Run `make package`, which puts it there.")
    return found[-1]


def _others() -> set[str]:
    """Return the third-party distributions that installing needs, directly or not."""
    found: set[str] = set()
    waiting = [(name, False) for name in ROOTS]
    while waiting:
        name, marked = waiting.pop()
        if name in found:
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
        if not shown.startswith((".", "/")) and not _LEFT_OUT.search(shown):
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


def _zipped(members: Mapping[str, bytes], digest: bytes) -> bytes:
    """Return an executable zip: the interpreter's path, then the members in order, all of one date."""
    file = io.BytesIO()
    file.write(_interpreter())
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.comment = digest
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[name], compresslevel=6)
    return file.getvalue()
