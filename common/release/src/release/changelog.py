"""The changelog: a section for each version, the newest first, in a form that a program can read."""

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version
from scoring.problem import Problem

NAME: Final = "CHANGELOG.md"
KINDS: Final = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
PENDING: Final = "unreleased"

_HEADING: Final = re.compile(r"## \[([^\]]+)\] - (\S+)")


@dataclass(frozen=True)
class Section:
    """What changed in a version; `day` is None before it was released."""

    version: Version
    day: date | None
    text: str


def read(root: Path) -> tuple[Section, ...]:
    """Read the changelog; raises Problem that lists each line which is not of its form."""
    path = root / NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        detail = f"{str(path)!r} cannot be read: {fault.strerror}."
        raise Problem("changelog_invalid", 400, detail, "Run this in a checkout.") from None
    faults: list[dict[str, object]] = []
    starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
    found: list[Section] = []
    for start, end in pairwise([*starts, len(lines)]):
        told = _heading(lines[start])
        if isinstance(told, str):
            faults.append({"field": f"line {start + 1}", "detail": told})
            continue
        section = Section(*told, "\n".join(lines[start + 1 : end]).strip())
        if found and section.version >= found[-1].version:
            faults.append({"field": f"line {start + 1}", "detail": "The newest version comes first."})
        if found and section.day is None:
            faults.append({"field": f"line {start + 1}", "detail": f"Only the first may be {PENDING}."})
        found.append(section)
    faults += [
        {"field": f"line {number}", "detail": f"It is none of {', '.join(KINDS)}."}
        for number, line in enumerate(lines, 1)
        if line.startswith("### ") and line[4:].strip() not in KINDS
    ]
    if faults:
        hint = f"A section begins `## [1.2.3] - 2026-01-31`, or `- {PENDING}`, and has parts as `### Added`."
        raise Problem("changelog_invalid", 400, f"{NAME} is not of its form.", hint, faults)
    return tuple(found)


def section(root: Path, version: str) -> Section:
    """Return the section of one version; raises Problem if there is none, or if it says nothing."""
    for each in read(root):
        if each.version == Version(version) and each.text:
            return each
    hint = f"Add `## [{version}] - {PENDING}` with what changed."
    raise Problem("changes_missing", 400, f"{NAME} says nothing of {version}.", hint)


def _heading(line: str) -> tuple[Version, date | None] | str:
    """Read a heading; gives what is wrong with it as a text."""
    told = _HEADING.fullmatch(line.strip())
    if told is None:
        return "It is no heading of a version."
    try:
        return Version(told[1]), None if told[2] == PENDING else date.fromisoformat(told[2])
    except (InvalidVersion, ValueError) as fault:
        return f"{fault}."
