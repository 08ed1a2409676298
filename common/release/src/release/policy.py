"""The policy: which licences of what we need at run time this project can live with.

It stands in the root pyproject.toml:

    [tool.release.licences]
    allowed = ["Apache-2.0", "MIT"]

    [tool.release.licences.excused]
    name = { licence = "LGPL-3.0-only", why = "one sentence" }
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, Licensing
from scoring.problem import Problem

from release.dependency import Dependency


@dataclass(frozen=True)
class Excuse:
    """A licence that is accepted from one distribution, and why."""

    licence: str
    why: str


@dataclass(frozen=True)
class Policy:
    """Licences that are allowed from anybody, and distributions that are excused."""

    allowed: frozenset[str]
    excused: Mapping[str, Excuse]

    def faults(self, dependencies: Iterable[Dependency]) -> list[dict[str, Any]]:
        """List the distributions whose licence is refused, and excuses that are needed no more."""
        known = {each.name: each for each in dependencies}
        faults: list[dict[str, Any]] = []
        for each in known.values():
            excuse = self.excused.get(each.name)
            if each.licence and excuse is not None and each.licence == excuse.licence:
                continue
            if not each.licence:
                why = "It states no licence."
            elif not self.allows(each.licence):
                why = f"{each.licence} is not allowed."
            else:
                continue
            needed = f"{each.name} {each.version}, which {', '.join(each.needed_by or each.extra_of)} needs"
            faults.append({"code": "licence_refused", "field": needed, "detail": why})
        for name in sorted(self.excused):
            # One that is not installed may be an extra's.
            if name in known and self.allows(known[name].licence):
                detail = "It needs its excuse no more: remove that."
                faults.append({"code": "excuse_stale", "field": name, "detail": detail})
        return faults

    def check(self, dependencies: Iterable[Dependency]) -> None:
        """Raise Problem with every distribution whose licence is refused."""
        faults = self.faults(dependencies)
        if faults:
            hint = "Do without it, allow the licence, or excuse the distribution in [tool.release.licences]."
            detail = "Not every licence of what is needed is accepted."
            raise Problem("licence_refused", 409, detail, hint, faults)

    def allows(self, expression: str) -> bool:
        """Say whether an SPDX expression can be met with licences that are allowed: AND needs all, OR one."""
        try:
            parsed = _licensing().parse(expression)
        except ExpressionError:
            return False
        return parsed is not None and self._met(parsed)

    def _met(self, parsed: Any) -> bool:
        # An exception (WITH) makes another licence: it is allowed by its whole name.
        if str(getattr(parsed, "operator", "")).strip() in {"AND", "OR"}:
            met = map(self._met, parsed.args)
            return all(met) if parsed.operator.strip() == "AND" else any(met)
        return str(parsed) in self.allowed


@cache
def _licensing() -> Any:
    return Licensing()


def read(root: Path) -> Policy:
    """Read the policy in the root pyproject.toml; raises Problem if there is none that can be read."""
    body = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    try:
        table = body["tool"]["release"]["licences"]
        excused = {
            name: Excuse(str(each["licence"]), str(each["why"]))
            for name, each in table.get("excused", {}).items()
        }
        return Policy(frozenset(map(str, table["allowed"])), excused)
    except (KeyError, TypeError, AttributeError) as fault:
        detail = f"[tool.release.licences] in pyproject.toml cannot be read: {fault!r}."
        hint = 'Write `allowed = ["MIT"]`; an excuse has `licence` and `why`.'
        raise Problem("policy_invalid", 400, detail, hint) from None
