"""Run words of the Makefile one after the other, and sum up all tiers at the end, whatever failed before.

    python tests/summary.py make lint types unit tiers

ends as the first word ended that failed. A word that runs pytest has its tiers told by `tests/tally.py`; any
other is a tier of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TALLY = ROOT / "build" / "tally"
VARIABLE = "SCORING_TALLY"
ORDER = ("lint", "types", "unit", "contract", "emulated", "localstack", "runtime", "containers", "cloud_run",
         "local", "sql")  # fmt: skip
MISSED = 130  # how a shell tells of an interrupt


@dataclass
class Tier:
    """A line of the table."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)


def run(make: str, word: str) -> tuple[int, list[Tier]]:
    """Run one word; return its exit code and its tiers."""
    before = set(TALLY.glob("*.json"))
    began = time.monotonic()
    code = subprocess.run(
        [make, word], cwd=ROOT, env={**os.environ, VARIABLE: str(TALLY)}, check=False
    ).returncode
    seconds = time.monotonic() - began
    documents: list[dict[str, Any]] = [
        json.loads(path.read_text("utf-8")) for path in sorted(set(TALLY.glob("*.json")) - before)
    ]
    tiers = [Tier(document.pop("tier"), **document) for document in documents]
    if not tiers:
        return code, [Tier(word, passed=int(code == 0), failed=int(code != 0), seconds=seconds)]
    return code, tiers


def table(tiers: list[Tier]) -> Iterator[str]:
    """Give the lines of the table, and of the reasons for which tests were skipped."""
    found = {tier.name: tier for tier in tiers}
    names = [*ORDER, *sorted(set(found) - set(ORDER))]
    yield f"{'tier':12} {'passed':>7} {'failed':>7} {'skipped':>8} {'minutes':>8}"
    for name in names:
        tier = found.get(name)
        if tier is None:
            yield f"{name:12} {'not run':>7}"
            continue
        yield (
            f"{name:12} {tier.passed:7} {tier.failed:7} {tier.skipped:8} {tier.seconds / 60:8.1f}"
            f"{'  FAILED' if tier.failed else ''}"
        )
    yield "Minutes are those of the tests, some of which run side by side."
    for name in names:
        for reason, count in (found[name].reasons if name in found else {}).items():
            yield f"skipped in {name}, {count} of them: {reason}"


def main(words: list[str]) -> int:
    """Run the words; return the exit code of the first that failed, or 0."""
    make, *words = words
    shutil.rmtree(TALLY, ignore_errors=True)
    began = time.monotonic()
    tiers: list[Tier] = []
    codes: dict[str, int] = {}
    try:
        for word in words:
            codes[word], made = run(make, word)
            tiers += made
            if codes[word] and not any(tier.failed for tier in made):
                tiers.append(Tier(f"make {word}", failed=1))
    except KeyboardInterrupt:
        codes["interrupted"] = MISSED
    print(f"\n{' '.join(['make', *words])}: {(time.monotonic() - began) / 60:.1f} minutes\n")
    print("\n".join(table(tiers)), flush=True)
    bad = {word: code for word, code in codes.items() if code}
    if bad:
        print(f"\nFAILED: {', '.join(bad)}", file=sys.stderr)
    return next(iter(bad.values()), 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
