"""Fetching one file once: into a cache, checked, whole or not at all."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from scoring.problem import Problem

from experiment.progress import Progress

_PART = 1 << 18
_TIMEOUT = 30.0


def cache_dir() -> Path:
    """Return the folder for files that can be fetched again ($XDG_CACHE_HOME/scoring or ~/.cache/scoring)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "scoring"


def fetch(
    url: str,
    path: Path,
    progress: Progress,
    *,
    least: int,
    most: int,
    digest: str | None = None,
    remedy: str = "",
) -> Path:
    """Download `url` to `path` unless it is there; returns the path.

    The file appears under its name only when it is complete, its size is within `least`..`most` bytes and its
    sha256 is `digest` (where one is known). Raises Problem with `remedy` when the network or the file fails.
    """
    if path.is_file():
        return path
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise Problem("download_refused", 400, f"{url!r} is not an https address.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        size, found = _stream(url, partial, progress, most)
        if not least <= size <= most or (digest is not None and found != digest):
            raise Problem(
                "download_damaged",
                502,
                f"{url} gave {size} bytes with sha256 {found[:12]}..., which is not the expected file.",
                remedy,
            )
        partial.replace(path)
    except (OSError, http.client.HTTPException) as fault:
        reason = fault.reason if isinstance(fault, urllib.error.URLError) else fault
        if isinstance(fault, urllib.error.HTTPError):
            fault.close()
        raise Problem("download_failed", 503, f"{url} could not be fetched: {reason}.", remedy) from fault
    finally:
        partial.unlink(missing_ok=True)
    return path


def _stream(url: str, partial: Path, progress: Progress, most: int) -> tuple[int, str]:
    sha = hashlib.sha256()
    done = 0
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, partial.open("wb") as out:  # noqa: S310 -- checked above
        total = int(response.headers.get("Content-Length") or 0)
        while part := response.read(_PART):
            out.write(part)
            sha.update(part)
            done += len(part)
            progress("download", done, max(total, done))
            if done > most:
                break
    if total and done < total:
        raise OSError(f"the connection ended after {done} of {total} bytes")
    return done, sha.hexdigest()
