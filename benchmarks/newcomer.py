"""A newcomer's first hour: from a clone to a score, to an emulated deployment, to a template of one's own.

    python benchmarks/newcomer.py [--times 3] [--warm] [--beside REVISION] [score deploy template]

clones the checkout for each measurement, with an empty cache for all that is downloaded and compiled, and
runs the command that CONTRIBUTING names. With --beside, clones of an earlier revision take turns with this
one; with --changes, what is not committed yet goes along. Wall clock depends on the network and on who else
is busy here, processor seconds much less, so both are told. Needs git, make and Python; `deploy` also what
`make try` asks for.
"""

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = 'PATH="$PWD/.venv/bin:$PATH"'
WAYS = {
    "score": "make run",
    "deploy": "make try ARGS=--once",
    "template": (
        f'make .venv/ready && {OWN} scoring new-template azure-functions-scorer --target "Azure Functions" '
        f"&& {OWN} pytest -q tests/contract -k azure-functions"
    ),
}
EARLIER = {  # what led there before there was a word for it
    "deploy": f"make .venv/ready && {OWN} pytest -q tests/integration/localstack/test_localstack_path.py "
    "-k local_scorer"
}
DROPPED = ("VIRTUAL_ENV", "UV_CACHE_DIR", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
LAST = 3000  # characters of what a failed command said


@dataclass(frozen=True)
class Took:
    """Seconds of one way."""

    wall: float
    processor: float


def measure(way: str, revision: str, changes: bool, warm: bool) -> Took:
    """Clone, and run a way's command there; ends the program where it fails."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as scratch:
        clone = Path(scratch) / "clone"
        git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
        git(clone, "checkout", "--quiet", revision)
        if changes:
            overlay(clone)
        environment = {name: text for name, text in os.environ.items() if name not in DROPPED}
        if not warm:
            environment["XDG_CACHE_HOME"] = str(Path(scratch) / "cache")
        known = "try:" in (clone / "Makefile").read_text()
        command = WAYS[way] if known else EARLIER.get(way, WAYS[way])
        before, begin = spent(), time.monotonic()
        done = subprocess.run(
            ["sh", "-ec", command], cwd=clone, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        took = Took(time.monotonic() - begin, spent() - before)
        if done.returncode:
            sys.exit(f"$ {command}\n{done.stdout[-LAST:]}")
        return took


def git(folder: Path, *words: str) -> str:
    """Run git; gives what it says."""
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout


def overlay(clone: Path) -> None:
    """Bring what is changed or new here into a clone."""
    for name in filter(None, git(ROOT, "ls-files", "-z", "--deleted").split("\0")):
        (clone / name).unlink(missing_ok=True)
    for name in git(ROOT, "ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)


def spent() -> float:
    """Return the processor seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure in turns and print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("way", nargs="*", metavar="WAY", help=f"{', '.join(WAYS)}; all if none is named")
    parser.add_argument("--times", type=int, default=3, help="measurements of each way")
    parser.add_argument("--warm", action="store_true", help="with the caches of this user")
    parser.add_argument("--beside", metavar="REVISION", help="measure an earlier revision too, in turns")
    parser.add_argument("--changes", action="store_true", help="with what is not committed yet")
    given = parser.parse_args()
    unknown = sorted(set(given.way) - set(WAYS))
    if unknown or given.times < 1:
        parser.error(f"there are the ways {', '.join(WAYS)}, and --times is 1 or more")
    sides = {"here": ("HEAD", given.changes)}
    if given.beside:
        sides = {given.beside: (given.beside, False)} | sides
    head = git(ROOT, "rev-parse", "HEAD").strip()
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start")
    print(f"{'way':10} {'revision':12} {'wall':>8} {'processor':>10}   each, wall/processor")
    for way in given.way or WAYS:
        took: dict[str, list[Took]] = {side: [] for side in sides}
        for _ in range(given.times):
            for side, (revision, changes) in sides.items():
                took[side].append(measure(way, head if side == "here" else revision, changes, given.warm))
        for side, found in took.items():
            wall = statistics.median(each.wall for each in found)
            processor = statistics.median(each.processor for each in found)
            each = ", ".join(f"{one.wall:.0f}/{one.processor:.0f}" for one in found)
            print(f"{way:10} {side[:12]:12} {wall:6.0f} s {processor:8.0f} s   {each}", flush=True)


if __name__ == "__main__":
    main()
