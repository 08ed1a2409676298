"""Advisories: whether a weakness is known of anything that this project installs, tests included.

uv asks, with the versions that its lock names; see docs/adr/0017.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from deployment.vendor import find_uv
from scoring.problem import Problem

SERVICE: Final = "https://api.osv.dev/"


class Verdict(Enum):
    """What came of asking."""

    CLEAN = "clean"
    WEAK = "weak"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """A verdict, and a line for each advisory, or why none could be asked for."""

    verdict: Verdict
    lines: tuple[str, ...]


def ask(root: Path, service: str = SERVICE) -> Answer:
    """Ask a service that speaks OSV's language about the checkout's lock.

    A service that cannot be reached is the verdict UNKNOWN, which is no approval. Raises Problem where there
    is no lock.
    """
    if not (root / "uv.lock").is_file():
        detail = f"{str(root)!r} has no uv.lock, which says what is installed."
        raise Problem("lock_missing", 400, detail, "Run `uv sync`.")
    command = [find_uv(root), "audit", "--locked", "--no-progress", "--output-format", "json"]
    command += ["--preview-features", "audit-command,json-output", "--service-url", service]
    done = subprocess.run(
        command,
        cwd=root, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        # uv also ends with 1 when it could not ask; only an answer has this form.
        found = json.loads(done.stdout)["vulnerabilities"]
        lines = tuple(map(_line, found))
    except (ValueError, KeyError, TypeError):
        return Answer(Verdict.UNKNOWN, tuple(done.stderr.strip().splitlines()))
    return Answer(Verdict.WEAK if lines or done.returncode else Verdict.CLEAN, lines)


def _line(found: Mapping[str, Any]) -> str:
    what, mended = found["dependency"], ", ".join(found.get("fix_versions") or ())
    told = f"{what['name']} {what['version']}: {found['id']} {found.get('summary') or ''}".rstrip()
    told += f" (mended in {mended})" if mended else " (not mended yet)"
    return f"{told} {found.get('link') or ''}".rstrip()
