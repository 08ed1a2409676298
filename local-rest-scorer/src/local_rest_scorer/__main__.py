"""The command `python -m local_rest_scorer`: serve an artifact, here or in the background."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from scoring.problem import Problem

from local_rest_scorer import background
from local_rest_scorer.foreground import run
from local_rest_scorer.keeper import Keeper
from local_rest_scorer.place import NAME, Place, home
from local_rest_scorer.probe import answers
from local_rest_scorer.settings import url

_VARIABLES: Final = """
variables: HOST (127.0.0.1), PORT (9090), WORKERS (0: one a processor), API_KEYS_FILE, ADMIN_KEYS_FILE,
TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CA_FILE, DATA_DIR, and every SCORER_ variable of the server"""

NOT_RUNNING: Final = 3
"""The exit code of `status` when no server runs, as of service managers."""


def main(words: list[str] | None = None) -> int:
    """Run the command; return the exit code: 0 well, 1 a problem."""
    options = parser().parse_args(words)
    try:
        return _COMMANDS[options.command](options)
    except (Problem, ValueError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="local_rest_scorer",
        description="Serve a scoring pipeline over HTTP.",
        epilog=_VARIABLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    environ = os.environ

    def add(name: str, meaning: str, artifact: bool = False) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=meaning, description=meaning)
        if artifact:
            one.add_argument("pipeline", type=Path, metavar="PIPELINE", help="the artifact")
        one.add_argument("--name", default=environ.get("NAME") or NAME, help="of the server (%(default)s)")
        where = {"type": Path, "default": home(environ), "metavar": "DIR"}
        one.add_argument("--state-dir", help="where servers have their places (%(default)s)", **where)  # type: ignore[arg-type]
        return one

    add("run", "serve in the foreground until SIGTERM or Ctrl-C", artifact=True)
    add("start", "have a supervised server run in the background", artifact=True)
    add("stop", "stop it; the log stays")
    add("remove", "stop it and leave no file")
    add("status", f"say how it is; ends with {NOT_RUNNING} if it does not run")
    add("health", "ask the server at PORT of this host whether it is ready")
    add("keep", "supervise (used by start)")
    add("child", "serve under supervision (used by keep)").add_argument("--parent", type=int, required=True)
    return made


def _place(options: argparse.Namespace) -> Place:
    return Place(options.state_dir.absolute(), options.name)


def _run(options: argparse.Namespace) -> int:
    return run(options.pipeline, os.environ)


def _start(options: argparse.Namespace) -> int:
    address = background.start(_place(options), options.pipeline, os.environ)
    print(f"{options.name} is ready at {address}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    there = background.stop(
        _place(options), os.environ.get("OWNER") or None, remove=options.command == "remove"
    )
    print(f"{options.name} is stopped" if there else f"no server named {options.name} is here")
    return 0


def _status(options: argparse.Namespace) -> int:
    found = background.status(_place(options))
    print(json.dumps(found, indent=1))
    return 0 if found["state"] == "running" else NOT_RUNNING


def _health(_options: argparse.Namespace) -> int:
    mutual = bool(os.environ.get("TLS_CLIENT_CA_FILE", "").strip())
    return 0 if answers(url(os.environ), mutual=mutual) else 1


def _keep(options: argparse.Namespace) -> int:
    return Keeper(_place(options)).run()


def _child(options: argparse.Namespace) -> int:
    place = _place(options)
    return run(place.pipeline, os.environ, place.shelf, options.parent)


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "run": _run,
    "start": _start,
    "stop": _stop,
    "remove": _stop,
    "status": _status,
    "health": _health,
    "keep": _keep,
    "child": _child,
}

if __name__ == "__main__":
    raise SystemExit(main())
