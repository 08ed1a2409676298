"""DuckDB's extensions for other databases, found among the installed packages; nothing is downloaded."""

import importlib.util
import re
from pathlib import Path
from typing import Any, Final

import duckdb

from scoring_sql.embedded.macro import literal

SQLITE, POSTGRES, MYSQL = "sqlite", "postgres", "mysql"
TYPES: Final = (SQLITE, POSTGRES, MYSQL)

_MENTIONED: Final = {kind: re.compile(rf"\b{kind}(_scanner)?\b", re.IGNORECASE) for kind in TYPES}


def load(connection: Any, kind: str) -> bool:
    """Load the extension for a type of database; False where it is not installed.

    It is taken from DuckDB's own folder of extensions, or from the package that `package` names.
    """
    if _loaded(connection, f"{kind}_scanner"):
        return True
    try:
        connection.execute(f"LOAD {kind}")
    except duckdb.Error:
        file = packaged(connection, kind)
        if file is None:
            return False
        connection.execute(f"LOAD {literal(str(file))}")
    return True


def load_mentioned(connection: Any, sql: str) -> None:
    """Load the extensions whose types of databases a text names, so that its ATTACH finds them."""
    for kind, mentioned in _MENTIONED.items():
        if mentioned.search(sql):
            load(connection, kind)


def package(kind: str) -> str:
    """Name the package that brings the extension for a type of database."""
    return f"duckdb-extension-{kind}-scanner"


def remedy(kind: str) -> str:
    """Say what to do for want of the extension."""
    return f"install DuckDB's extension, with the DuckDB that it is for: pip install {package(kind)}"


def packaged(connection: Any, kind: str) -> Path | None:
    """Find the extension for this very version of DuckDB in its package."""
    module = package(kind).replace("-", "_")
    spec = importlib.util.find_spec(module)
    version = str(connection.execute("SELECT library_version FROM pragma_version()").fetchone()[0])
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder) / "extensions" / version / f"{kind}_scanner.duckdb_extension"
        if file.is_file():
            return file
    return None


def _loaded(connection: Any, name: str) -> bool:
    query = f"SELECT loaded FROM duckdb_extensions() WHERE extension_name = {literal(name)}"  # noqa: S608
    return bool(connection.execute(query).fetchone() == (True,))
