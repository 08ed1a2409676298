"""The service: what SageMaker says in the environment -> a server that keeps its container contract."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scoring.problem import Problem
from server.environment import from_environment
from server.launch import run
from server.settings import Settings

from aws_sagemaker_scorer.artifact import PLACE, found, placeholder
from aws_sagemaker_scorer.routes import multi_model, routed, routes

DEFAULTS: Final = {
    "SCORER_DRAIN_SECONDS": "0",  # no request is sent here any more when SIGTERM comes
    "SCORER_GRACE_SECONDS": "25",  # SIGKILL comes after 30
    "SCORER_WATCH_SECONDS": "0",  # another artifact is another endpoint configuration
}
"""Settings of the server that differ on SageMaker; the environment may set each of them otherwise."""

_MEGABYTE: Final = 1 << 20


def serve(pipeline: Path | None, environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM; return the exit code, 0 after it. See `settings` for what is read.

    Raises:
        Problem: there is no artifact, or it is no good; the port cannot be had.
        ValueError: a variable has a value that it may not have.
    """
    return run(settings(pipeline, environ))


def settings(pipeline: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the server; without `pipeline`, those of a container on SageMaker.

    | Variable | Meaning |
    | --- | --- |
    | `SAGEMAKER_BIND_TO_PORT`, or `PORT` | where to listen: 8080 |
    | `HOST` | all addresses on SageMaker, else 127.0.0.1 |
    | `SAGEMAKER_MODEL_SERVER_WORKERS`, or `WORKERS` | processes: one a processor on SageMaker, else 1 |
    | `SAGEMAKER_MAX_PAYLOAD_IN_MB` | size of a body, as batch transform sets it |
    | `SAGEMAKER_MULTI_MODEL` | true: serve the artifacts that SageMaker names; always one process |
    | `MODEL_DIR` | where the artifact of an endpoint lies: /opt/ml/model |

    and those of `server.environment` and of `aws_sagemaker_scorer.routes`. Raises as `serve` does.
    """
    cloud, many = pipeline is None, multi_model(environ)
    routed(environ)  # a wrong variable is told here, not by each worker
    if pipeline is None:
        pipeline = placeholder() if many else found(Path(environ.get("MODEL_DIR") or PLACE))
    workers = "SAGEMAKER_MODEL_SERVER_WORKERS" if environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") else "WORKERS"
    port = "SAGEMAKER_BIND_TO_PORT" if environ.get("SAGEMAKER_BIND_TO_PORT") else "PORT"
    given = dict(environ)
    if megabytes := _number(environ, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 0):
        given.setdefault("SCORER_MAX_BODY_BYTES", str(megabytes * _MEGABYTE))
    return Settings(
        path=pipeline,
        host=environ.get("HOST", "").strip() or ("0.0.0.0" if cloud else "127.0.0.1"),  # noqa: S104
        port=_number(environ, port, 8080),
        # Each process would load models of its own, and know nothing of those of the others.
        workers=1 if many else _number(environ, workers, 0 if cloud else 1),
        guarded=cloud,  # SageMaker asks IAM, and speaks TLS, before a request comes here
        more=routes,
        **from_environment({**DEFAULTS, **given} if cloud else given),
    )


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Problem("setting_invalid", 503, f"{name} is {text!r}.", "It may be a whole number from 0 up.")
    return int(text)
