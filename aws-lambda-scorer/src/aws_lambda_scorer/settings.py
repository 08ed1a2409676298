"""Settings: what the recipe says about a deployment, as environment variables of the function.

| Variable | Meaning |
| --- | --- |
| `PIPELINE_URI` | `s3://bucket/key` of the artifact, or the path of a file below `/opt` or `/var/task` |
| `PIPELINE_DIGEST` | sha256 of the artifact in hexadecimal; anything else is refused |
| `SCORER_CACHE` | folder for artifacts that were fetched; `/tmp/scoring` by default |
| `SCORER_BATCH_OUTPUT` | `s3://bucket/prefix` for answers to S3 notifications; without it they are refused |
| `SCORER_METRICS_NAMESPACE` | CloudWatch namespace of the metrics; `Scoring` by default, `none` for none |

Those of the contract (`scoring.settings.from_environment`) are read too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from scoring.problem import Problem
from scoring.settings import Settings as Contract
from scoring.settings import from_environment

PAYLOAD: Final = 6 * 1024 * 1024
"""Bytes that Lambda hands to a function, and takes from it, at most."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one deployment.

    Attributes:
        uri: Where the artifact is.
        digest: Its sha256, "" if the deployment does not say.
        cache: Folder for artifacts that were fetched.
        contract: Settings of the HTTP contract; the size of a body is checked before, against `body_bytes`.
        body_bytes: Bytes of a body, unpacked, at most.
        batch_output: Where answers to S3 notifications go, "" for nowhere.
        namespace: CloudWatch namespace, "" for no metrics.
    """

    uri: str
    digest: str
    cache: Path
    contract: Contract
    body_bytes: int
    batch_output: str
    namespace: str


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings that the environment gives; raises Problem `settings_invalid`."""
    uri = environ.get("PIPELINE_URI", "").strip()
    digest = environ.get("PIPELINE_DIGEST", "").strip().lower()
    if not uri:
        raise invalid("The environment variable PIPELINE_URI is not set.")
    if digest and (len(digest) != 64 or not set(digest) <= set("0123456789abcdef")):
        raise invalid("The environment variable PIPELINE_DIGEST is no sha256 in hexadecimal.")
    if uri.startswith("s3://") and not digest:
        raise invalid("The environment variable PIPELINE_DIGEST is not set.")
    try:
        contract = from_environment(environ)
    except ValueError as error:
        raise invalid(str(error)) from None
    limits = replace(contract.limits, body_bytes=1 << 40)
    return Settings(
        uri,
        digest,
        Path(environ.get("SCORER_CACHE", "").strip() or "/tmp/scoring"),  # noqa: S108 -- Lambda's only place
        replace(contract, limits=limits),
        contract.limits.body_bytes,
        environ.get("SCORER_BATCH_OUTPUT", "").strip(),
        namespace(environ),
    )


def namespace(environ: Mapping[str, str]) -> str:
    """Return the CloudWatch namespace of the metrics, "" for none."""
    said = environ.get("SCORER_METRICS_NAMESPACE", "").strip() or "Scoring"
    return "" if said == "none" else said


def invalid(detail: str) -> Problem:
    """Return the problem of a function whose environment is wrong."""
    return Problem("settings_invalid", 503, detail, "Set it in the recipe and apply again.")
