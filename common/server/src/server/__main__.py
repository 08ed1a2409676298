"""The command `python -m server`: serve an artifact, or make a key."""

import argparse
import sys
from pathlib import Path

from scoring.problem import Problem

from server.environment import from_environment
from server.keys import new


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit code: 0 well, 1 a problem."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["keys"]:
        return _keys(given[1:])
    options = vars(parser().parse_args(given))
    try:
        return start(**options)
    except (Problem, ValueError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = argparse.ArgumentParser(prog="python -m server", description="Serve a scoring pipeline over HTTP.")
    made.add_argument("path", type=Path, help="the artifact, which is watched and swapped when it changes")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    made.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one (%(default)s)")
    made.add_argument("--workers", type=int, default=0, help="processes; 0: one a processor (%(default)s)")
    made.add_argument("--api-keys", type=Path, help="file with the digests of API keys")
    made.add_argument("--admin-key-file", type=Path, help="file with the digests of admin keys")
    made.add_argument("--tls-cert", type=Path, help="PEM file with the certificate")
    made.add_argument("--tls-key", type=Path, help="PEM file with its key")
    made.add_argument("--tls-client-ca", type=Path, help="PEM file; clients must show a certificate of it")
    made.add_argument("--data-dir", type=Path, help="directory of files for GET /model/score?file=")
    made.add_argument("--access-log", type=Path, help="file for the log instead of standard error")
    made.add_argument("--lenient", action="store_true", help="fields that a request lacks are missing values")
    return made


def start(
    path: Path,
    api_keys: Path | None = None,
    admin_key_file: Path | None = None,
    lenient: bool = False,
    **options: object,
) -> int:
    """Serve with the options of the command line and the settings of the environment; as `server.serve`."""
    import os
    from dataclasses import replace

    from server.launch import serve

    given = from_environment(os.environ)
    if lenient:
        given["contract"] = replace(given["contract"], lenient=True)
    return serve(path, **given, keys=api_keys, admin_keys=admin_key_file, **options)  # type: ignore[arg-type]


def _keys(names: list[str]) -> int:
    try:
        (name,) = names
        key, line = new(name)
    except ValueError as error:
        print(f"Error: {error}" if len(names) == 1 else "Usage: python -m server keys NAME", file=sys.stderr)
        return 1
    print(f"The key of {name}, which is shown only now: {key}", file=sys.stderr)
    sys.stdout.write(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
