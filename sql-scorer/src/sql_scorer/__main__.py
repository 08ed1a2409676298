"""The command `python -m sql_scorer`: score here with SQL, or install a pipeline into a PostgreSQL."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from scoring.problem import Problem

_VARIABLES: Final = """
variables, but of run: SERVICE (a section of pg_service.conf), SCHEMA, FORM (plain, extension or plpython),
ROLES (who may score, divided by commas), TAGS (words for the remark on the schema), OWNER (set by the
recipe), and libpq's own, such as PGSERVICEFILE and PGPASSFILE. There is none for a password."""

NOT_INSTALLED: Final = 3
"""The exit code of `status` when something else or nothing is installed, as of service managers."""


def main(words: list[str] | None = None) -> int:
    """Run the command; return the exit code: 0 well, 1 a problem."""
    options = parser().parse_args(words)
    try:
        return _COMMANDS[options.command](options)
    except (Problem, ValueError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the answer has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="sql_scorer",
        description="Score with SQL: embedded here, or with functions in a PostgreSQL.",
        epilog=_VARIABLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, meaning: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=meaning, description=meaning)

    one = add("run", "score a file, or the artifact's samples, with SQL in an embedded DuckDB")
    one.add_argument("pipeline", type=Path, metavar="PIPELINE", help="the artifact")
    one.add_argument("--data", metavar="FILE", help="CSV, Parquet or JSON file with the inputs")
    asked = "what to ask of the table `data`, which is the file"
    one.add_argument("--query", metavar="SQL", help=asked)
    add("prepare", "make the schema that the functions get")
    one = add("install", "have a pipeline's functions in the database")
    one.add_argument("pipeline", type=Path, metavar="PIPELINE", help="the artifact")
    one = add("status", f"say what is installed; ends with {NOT_INSTALLED} if it is not what it should be")
    one.add_argument("--digest", default="", metavar="SHA256", help="of the artifact that should be there")
    add("remove", "take away what was installed")
    return made


def _run(options: argparse.Namespace) -> int:
    from sql_scorer.embedded import run

    return run(options.pipeline, options.data or None, options.query or None)


def _install(options: argparse.Namespace) -> int:
    from sql_scorer.installation import install
    from sql_scorer.place import Place

    roles = [name.strip() for name in os.environ.get("ROLES", "").split(",") if name.strip()]
    form, tags = os.environ.get("FORM") or "plain", os.environ.get("TAGS", "")
    print(install(Place.given(os.environ), options.pipeline, form, roles, tags))
    return 0


def _prepare(_options: argparse.Namespace) -> int:
    from sql_scorer.installation import prepare
    from sql_scorer.place import Place

    print(prepare(Place.given(os.environ)))
    return 0


def _status(options: argparse.Namespace) -> int:
    from sql_scorer.installation import status
    from sql_scorer.place import Place

    found = status(Place.given(os.environ), options.digest)
    print(json.dumps(found, indent=1))
    return 0 if found["state"] == "installed" else NOT_INSTALLED


def _remove(_options: argparse.Namespace) -> int:
    from sql_scorer.installation import remove
    from sql_scorer.place import Place

    print(remove(Place.given(os.environ)))
    return 0


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "run": _run,
    "prepare": _prepare,
    "install": _install,
    "status": _status,
    "remove": _remove,
}

if __name__ == "__main__":
    raise SystemExit(main())
