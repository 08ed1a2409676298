"""Packaging: this template and what installing needs -> one executable file, always the same bytes.

What only embedded scoring needs, DuckDB and Arrow, stays out of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployment.bundle import bundle
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


def vendored(folder: Path) -> list[Path]:
    """Put the engine's sources into `vendor/`, which a copy builds the extension from; gives their file."""
    sources = vendor_native(folder)
    return [] if sources is None else [sources]


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
    target = folder / PACKAGE
    bundle(folder, target, OWN, {"__main__.py": _MAIN, MANIFEST: f"{made_for()}\n".encode()}, ROOTS)
    return [target, *([package_extension(folder, options[PG_CONFIG])] if PG_CONFIG in options else [])]
