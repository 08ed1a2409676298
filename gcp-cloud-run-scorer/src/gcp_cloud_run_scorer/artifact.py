"""The artifact: from the mounted bucket, or fetched from it, and the very one that was deployed."""

import hashlib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from scoring.draft import drafted
from scoring.problem import Problem

_URI: Final = re.compile(r"gs://([a-z0-9][-_.a-z0-9]{1,220}[a-z0-9])/(.+)")
_SECONDS: Final = 60.0
"""How long a download may take; Cloud Run gives up the start of an instance after four minutes."""


def found(environ: Mapping[str, str], folder: Path) -> Path:
    """Return the artifact that `PIPELINE_PATH` or `PIPELINE_URI` names; a fetched one is put into `folder`.

    Raises:
        Problem: there is none, it cannot be read, or its sha256 is not `PIPELINE_DIGEST`.
    """
    uri, path = (environ.get(name, "").strip() for name in ("PIPELINE_URI", "PIPELINE_PATH"))
    if bool(uri) == bool(path):
        detail = f"{'Both' if uri else 'Neither'} PIPELINE_PATH and PIPELINE_URI are set."
        if not uri:
            detail = "Neither PIPELINE_PATH nor PIPELINE_URI is set."
        hint = "Set one of them: a file, or gs://BUCKET/OBJECT."
        raise Problem("artifact_unreadable", 503, detail, hint)
    artifact = fetched(uri, folder, environ.get("GOOGLE_CLOUD_PROJECT")) if uri else Path(path)
    _check(artifact, environ.get("PIPELINE_DIGEST", "").strip())
    return artifact


def fetched(uri: str, folder: Path, project: str | None = None) -> Path:
    """Download `gs://BUCKET/OBJECT`; return the file in `folder`, which is there whole or not at all.

    Raises:
        Problem: the address is none, the client is not installed, or the object cannot be had.
    """
    named = _URI.fullmatch(uri)
    if named is None:
        detail = f"PIPELINE_URI is {uri!r}."
        raise Problem("artifact_unreadable", 503, detail, "It must be gs://BUCKET/OBJECT.")
    try:
        storage: Any = import_module("google.cloud.storage")
    except ModuleNotFoundError:
        raise Problem(
            "artifact_unreadable",
            503,
            "This image cannot download: google-cloud-storage is not in it.",
            'Package it with `make package ARGS="download=yes"`, or mount the bucket (delivery = "mount").',
        ) from None
    target = folder / "downloaded.pipeline"
    try:
        blob = storage.Client(project=project).bucket(named[1]).blob(named[2])
        with drafted(target) as draft:
            blob.download_to_filename(str(draft), timeout=_SECONDS)
    except Problem:
        raise
    except Exception as error:
        # Whatever the client raises, also without credentials: it is about this object and this identity.
        detail = f"{uri} cannot be downloaded: {type(error).__name__}."
        hint = "Check that it is there, and that the service account has roles/storage.objectViewer on it."
        raise Problem("artifact_unreadable", 503, detail, hint) from error
    return target


def _check(path: Path, wanted: str) -> None:
    if not wanted:
        return
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        detail = f"The artifact {str(path)!r} cannot be read: {error.strerror}."
        hint = "Check that the bucket is mounted, and that its object is there and readable."
        raise Problem("artifact_unreadable", 503, detail, hint) from None
    if digest != wanted:
        detail = f"The artifact {str(path)!r} has the sha256 {digest}, but {wanted} was deployed."
        raise Problem("artifact_invalid", 503, detail, "Apply the recipe again, which uploads it anew.")
