"""The service: what Cloud Run says in the environment -> a server that keeps Cloud Run's contract."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scoring.problem import Problem
from server.environment import from_environment
from server.launch import run
from server.settings import Settings

from gcp_cloud_run_scorer.artifact import found
from gcp_cloud_run_scorer.key import digests
from gcp_cloud_run_scorer.log import form, on_cloud_run
from gcp_cloud_run_scorer.warehouse import routes

DEFAULTS: Final = {
    "SCORER_CAPACITY_BUFFERED_BYTES": str(64 * 1024 * 1024),  # of an instance's 512 MiB, files included
    "SCORER_DRAIN_SECONDS": "0",  # no request is sent here any more when SIGTERM comes
    "SCORER_GRACE_SECONDS": "9",  # SIGKILL comes after 10
    "SCORER_HANG_SECONDS": "0",  # without a processor between requests, every worker looks hung
    "SCORER_WATCH_SECONDS": "0",  # the artifact is named by its digest: another one is another revision
}
"""Settings of the server that differ on Cloud Run; the environment may set each of them otherwise."""


def serve(environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM; return the exit code, 0 after it. See `settings` for what is read.

    Raises:
        Problem: there is no artifact, or not the one that was deployed; the port cannot be had.
        ValueError: a variable has a value that it may not have.
    """
    with tempfile.TemporaryDirectory(prefix="scorer-", dir=_memory()) as folder:
        return run(settings(environ, Path(folder)))


def settings(environ: Mapping[str, str], folder: Path) -> Settings:
    """Return the settings of the server; what it needs on disk is put into `folder`.

    | Variable | Meaning |
    | --- | --- |
    | `PORT`, `HOST` | where to listen: 8080 and, on Cloud Run, all addresses |
    | `PIPELINE_PATH` or `PIPELINE_URI` | the artifact: a file, or `gs://BUCKET/OBJECT` |
    | `PIPELINE_DIGEST` | its sha256, if another artifact is to be refused |
    | `API_KEY` or `API_KEY_FILE` | keys, or a file with keys, that callers must show one of |
    | `API_KEYS_FILE` | a file with names and digests of keys, as the local server has it |
    | `WORKERS` | processes; 1 |
    | `K_SERVICE`, `K_REVISION` | set by Cloud Run: for the log and the metrics |
    | `GOOGLE_CLOUD_PROJECT` | whose traces the log's lines belong to |

    and those of `server.environment`. Raises as `serve` does.
    """
    cloud = on_cloud_run(environ)
    labels = (("service", environ.get("K_SERVICE", "")), ("revision", environ.get("K_REVISION", "")))
    listed = environ.get("API_KEYS_FILE", "").strip()
    return Settings(
        path=found(environ, folder),
        host=environ.get("HOST", "").strip() or ("0.0.0.0" if cloud else "127.0.0.1"),  # noqa: S104
        port=_number(environ, "PORT", 8080),
        workers=_number(environ, "WORKERS", 1),
        keys=Path(listed) if listed else digests(environ, folder),
        guarded=cloud,  # Google speaks TLS and asks IAM before a request comes here
        form=form(environ),
        labels=labels if cloud else (),
        more=routes,
        **from_environment({**DEFAULTS, **environ} if cloud else environ),
    )


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Problem("setting_invalid", 503, f"{name} is {text!r}.", "It may be a whole number from 0 up.")
    return int(text)


def _memory() -> str | None:
    """Return a directory in memory, where a key's digest never reaches a disk; None where there is none."""
    place = Path("/dev/shm")  # noqa: S108 -- the entry is made by mkdtemp
    return str(place) if os.access(place, os.W_OK | os.X_OK) else None
