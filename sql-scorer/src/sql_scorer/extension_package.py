"""The extension's package: a tar with the files that PostgreSQL loads, and the sources they were built from.

`build/scoring-<version>-pg<major>-<machine>.tar.gz` is made by PostgreSQL's own PGXS for the server that
`pg_config` belongs to. Its sources build by themselves for any other: `make -C source install`.
"""

import argparse
import gzip
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scoring.draft import drafted
from scoring.problem import Problem

OLDEST: Final = 15
"""The oldest PostgreSQL that is supported."""
LIBRARY: Final = "scoring.so"
NATIVE: Final = "vendor/scoring_core-native.tar.gz"
"""The engine's sources, which `make package` puts there."""

_SOURCES: Final = (
    "Makefile",
    "README.md",
    "exports.map",
    "scoring.control",
    "scoring--*.sql",
    "source/*.*",
    "attack/*.cpp",
)
_NATIVE: Final = re.compile(r"(?!bind)\w+\.(cpp|hpp|h|inc)")
_SHOWN: Final = 2000  # characters of what the compiler says


def package_extension(folder: Path, pg_config: str = "pg_config", native: Path | None = None) -> Path:
    """Build the extension for the server of `pg_config` and pack it; return the archive's path.

    `folder` is the template's; `native` is the folder of the engine's sources, those in `vendor/` if None.

    Raises:
        Problem: there is no compiler or no PGXS, the server is too old, or the sources do not compile.
    """
    major = server_version(pg_config)
    version = _version(folder)
    stem = f"scoring-{version}-pg{major}-{platform.machine()}"
    target = folder / "build" / f"{stem}.tar.gz"
    target.parent.mkdir(exist_ok=True)
    with built(folder, pg_config, native) as place:
        members = {f"source/{name}": data for name, data in sources(folder, native).items()}
        members[f"lib/{LIBRARY}"] = (place / LIBRARY).read_bytes()
        for path in (*place.glob("*.control"), *place.glob("scoring--*.sql")):
            members[f"share/extension/{path.name}"] = path.read_bytes()
        with drafted(target) as draft:
            draft.write_bytes(packed({f"{stem}/{name}": data for name, data in members.items()}))
    return target


def sources(folder: Path, native: Path | None = None) -> dict[str, bytes]:
    """Return the files that the extension is built from, by path; raises Problem if some are missing."""
    found = {
        path.relative_to(folder / "extension").as_posix(): path.read_bytes()
        for pattern in _SOURCES
        for path in sorted((folder / "extension").glob(pattern))
        if path.suffix != ".o"
    }
    engine = contents(native) if native else _vendored(folder / NATIVE)
    if "Makefile" not in found or not engine:
        raise Problem("sources_missing", 500, f"{str(folder)!r} lacks sources of the extension.", _PACKAGE)
    return found | {f"native/{name}": data for name, data in engine.items()}


@contextmanager
def built(
    folder: Path,
    pg_config: str = "pg_config",
    native: Path | None = None,
    options: Mapping[str, str] | None = None,
    goal: str = LIBRARY,
    objects: Path | None = None,
) -> Iterator[Path]:
    """Build the extension in a folder that is there until the end; `options` are for its Makefile.

    `goal` is what to make of it, if not the library. The engine's object files, which are the same for
    every PostgreSQL, are taken from the folder `objects` if they are there; they must be of these sources
    and options.

    Raises:
        Problem: there is no make or no PGXS, or the sources do not compile.
    """
    make = shutil.which("gmake") or shutil.which("make")
    if make is None:
        raise Problem(
            "make_missing", 500, "The extension is built with make, which is not on the PATH.", _NEEDS
        )
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        for name, data in sources(folder, native).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        for path in objects.glob("engine-*.o") if objects else ():
            shutil.copyfile(path, place / path.name)  # younger than its source, so that make leaves it
        command = [make, f"-j{os.cpu_count() or 1}", f"PG_CONFIG={pg_config}", goal]
        command += [f"{name}={value}" for name, value in (options or {}).items()]
        # A make that runs this one must not pass its words on.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
        }
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode or not (place / goal).is_file():
            said = (done.stderr or done.stdout).strip()[-_SHOWN:]
            raise Problem("extension_not_built", 500, f"The extension cannot be built: {said}", _NEEDS)
        yield place


def server_version(pg_config: str) -> int:
    """Return the major version of the server that `pg_config` belongs to.

    Raises:
        Problem: there is no such program, or the server is too old.
    """
    try:
        said = subprocess.run([pg_config, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise Problem("pg_config_missing", 500, f"{pg_config!r} does not run.", _NEEDS) from None
    found = re.search(r"(\d+)", said)
    major = int(found[1]) if found else 0
    if major < OLDEST:
        detail = f"{pg_config!r} belongs to {said.strip()}; the extension needs PostgreSQL {OLDEST} or later."
        raise Problem("server_too_old", 400, detail, "Take another form: plain or plpython.")
    return major


_NEEDS: Final = (
    "Install PostgreSQL's headers for servers (on Debian postgresql-server-dev-15), a C++17 compiler, make "
    "and zlib's headers, and name the server's pg_config."
)
_PACKAGE: Final = "Run `make package` in a checkout, or take the template's release archive, which has them."


def _version(folder: Path) -> str:
    found = re.search(r'^version = "([^"]+)"', (folder / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    return found[1] if found else "0"


def contents(native: Path) -> dict[str, bytes]:
    """Return the engine's source files in a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(native.iterdir()) if _NATIVE.fullmatch(path.name)}


def _vendored(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        return {}
    with tarfile.open(path) as archive:
        files = [
            member for member in archive.getmembers() if member.isfile() and _NATIVE.fullmatch(member.name)
        ]
        return {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


def packed(members: Mapping[str, bytes]) -> bytes:
    """Return a tar.gz whose bytes depend on nothing but the members."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size = len(members[name])
            entry.mode = 0o755 if name.endswith(".so") else 0o644
            entry.mtime = 315532800  # 1980-01-01
            archive.addfile(entry, io.BytesIO(members[name]))
    squeezed = io.BytesIO()
    with gzip.GzipFile(fileobj=squeezed, mode="wb", mtime=0) as file:
        file.write(plain.getvalue())
    return squeezed.getvalue()


def main() -> int:
    """Run the command."""
    made = argparse.ArgumentParser(
        prog="sql_scorer.extension_package", description="Build and pack the extension."
    )
    made.add_argument("folder", type=Path, nargs="?", default=Path())
    made.add_argument("--pg-config", default="pg_config", help="of the server that it is for")
    made.add_argument("--native", type=Path, help="folder of the engine's sources, if not those in vendor/")
    options = made.parse_args()
    try:
        print(package_extension(options.folder, options.pg_config, options.native))
    except Problem as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
