"""Routes: what SageMaker asks of a container, beside the contract.

| Variable | Meaning |
| --- | --- |
| `SCORER_CSV_HEADER` | whether CSV begins with a header: present, absent or, by default, auto: it looks |
| `SCORER_MAX_MODELS` | models in memory at a time, of a container for many: 100 |
| `SAGEMAKER_MULTI_MODEL`, `SAGEMAKER_MAX_CONCURRENT_TRANSFORMS`, `SAGEMAKER_BATCH_STRATEGY`,
  `SAGEMAKER_MAX_PAYLOAD_IN_MB` | as SageMaker sets them |
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from scoring.fault import refusal
from server.call import JSON, Answer, Call
from server.route import Route
from server.settings import processors

from aws_sagemaker_scorer.invocation import HEADERS, invoker
from aws_sagemaker_scorer.models import Models


def multi_model(environ: Mapping[str, str]) -> bool:
    """Whether SageMaker says that this container is for many models."""
    return environ.get("SAGEMAKER_MULTI_MODEL", "").strip().lower() == "true"


def routes() -> tuple[Route, ...]:
    """Return the routes, for `server.settings.Settings.more`; raises ValueError for a wrong variable."""
    return routed(os.environ)


def routed(environ: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes for an environment; raises ValueError for a wrong variable."""
    header = environ.get("SCORER_CSV_HEADER", "").strip() or "auto"
    if header not in HEADERS:
        raise ValueError(f"SCORER_CSV_HEADER is {header!r}; it may be {', '.join(HEADERS)}.")
    advice = json.dumps(parameters(environ)).encode()

    async def ping(_call: Call) -> Answer:
        return Answer(200, JSON, b"{}")

    async def execution_parameters(_call: Call) -> Answer:
        return Answer(200, JSON, advice)

    async def nobody(_call: Call) -> Answer:
        raise refusal("not_found", "This container is for many models.", "POST /models/{name}/invoke")

    invoke = invoker(header)
    many = multi_model(environ)
    return (
        Route("GET", "/ping", ping, "light", "open"),
        Route("GET", "/execution-parameters", execution_parameters, "light", "open"),
        Route("POST", "/invocations", nobody if many else invoke),
        *(Models(_number(environ, "SCORER_MAX_MODELS", 100)).routes(invoke) if many else ()),
    )


def parameters(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what batch transform should do where a job does not say; what it says comes back."""
    return {
        "MaxConcurrentTransforms": _number(environ, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", processors()),
        "BatchStrategy": environ.get("SAGEMAKER_BATCH_STRATEGY", "").strip() or "MULTI_RECORD",
        "MaxPayloadInMB": _number(environ, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 6),
    }


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise ValueError(f"{name} is {text!r}; it may be a whole number from 0 up.")
    return int(text)
