"""The service: what the target says in the environment -> a server that keeps the contract.

Nothing here scores: requests are read, scored and answered by `server`, as they are on every other target.
"""

from collections.abc import Mapping
from pathlib import Path

from scoring.problem import Problem
from server.environment import from_environment
from server.launch import run
from server.settings import Settings

from skeleton_scorer.routes import routes


def serve(pipeline: Path, environ: Mapping[str, str]) -> int:
    """Serve an artifact until SIGTERM or SIGINT; return the exit code, 0 after either.

    Raises:
        Problem: the artifact is no good, or the port cannot be had.
        ValueError: a variable has a value that it may not have.
    """
    return run(settings(pipeline, environ))


def settings(pipeline: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the server.

    | Variable | Meaning |
    | --- | --- |
    | `HOST`, `PORT` | where to listen: 127.0.0.1, 8080 |
    | `WORKERS` | processes: 1 |
    | `TAGS` | words about the deployment that its metrics show: a line `name=value` for each |

    and those of `server.environment`. Raises as `serve` does.
    """
    tags = [line.partition("=") for line in environ.get("TAGS", "").splitlines()]
    return Settings(
        path=pipeline,
        host=environ.get("HOST", "").strip() or "127.0.0.1",
        port=_number(environ, "PORT", 8080),
        workers=_number(environ, "WORKERS", 1),
        labels=tuple((name, value) for name, _, value in tags),
        more=routes,
        **from_environment(environ),
    )


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Problem("setting_invalid", 503, f"{name} is {text!r}.", "It may be a whole number from 0 up.")
    return int(text)
