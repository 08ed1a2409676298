"""`python -m release`: make a release, look for advisories and licences, keep the table of licences."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deployment import vendor
from deployment.__main__ import show
from scoring.problem import Problem

from release import advisory, licences, policy
from release.advisory import Verdict
from release.dependency import Dependencies, resolve
from release.project import workspace

NOT_ASKED = 3
"""The exit code when the service of advisories cannot be asked."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line; gives the exit code: 0 well, 1 refused, 2 wrong usage, 3 could not ask."""
    given = _parser().parse_args(words)
    try:
        match given.command:
            case "make":
                return _make(given)
            case "audit":
                return _audit(given)
            case _:
                return _licences(given)
    except Problem as problem:
        show(problem)
        return 1
    except KeyboardInterrupt:
        return 130


def _make(given: argparse.Namespace) -> int:
    from release.publication import publish  # takes a second, which the other words need not wait

    kept = vendor.cache() if given.kept_wheels else None
    folder = publish(given.root, given.out, _say, given.dirty, kept)
    for path in sorted(folder.iterdir()):
        sys.stdout.write(f"{path}\n")
    return 0


def _audit(given: argparse.Namespace) -> int:
    """Judge licences, which needs no network, and ask for advisories."""
    dependencies = _needed(given.root)
    policy.read(given.root).check(dependencies.installed)
    sys.stdout.write(f"The licences of {len(dependencies.installed)} distributions are allowed.\n")
    for name, project in dependencies.absent:
        _say(f"Not judged, since it is not installed here: {name}, which an extra of {project} asks for.")
    if given.offline:
        sys.stdout.write("Advisories were not asked for.\n")
        return 0
    answer = advisory.ask(given.root, given.service)
    for line in answer.lines:
        _say(line)
    match answer.verdict:
        case Verdict.CLEAN:
            sys.stdout.write("No advisory is known of what the lock names.\n")
            return 0
        case Verdict.WEAK:
            detail = "There are advisories, see above."
            hint = "Take a version that mends it: `uv lock --upgrade-package NAME`, then `uv sync`."
            raise Problem("advisories_found", 409, detail, hint)
        case _:
            detail = "Nothing is known of advisories: they could not be asked for, as uv says above."
            hint = f"See that {given.service} is reached, or name another with --service."
            show(Problem("advisories_unknown", 503, detail, hint))
            return NOT_ASKED


def _licences(given: argparse.Namespace) -> int:
    dependencies, rules = _needed(given.root), policy.read(given.root)
    if not given.check:
        sys.stdout.write(f"{licences.write(given.root, dependencies, rules)}\n")
        return 0
    if licences.fresh(given.root, dependencies, rules):
        return 0
    detail = f"{licences.PAGE.as_posix()} is not what it would be now."
    raise Problem("table_stale", 409, detail, "Run `make tables`, and look at what changed.")


def _needed(root: Path) -> Dependencies:
    return resolve([project for project in workspace(root)[1:] if project.published])


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m release",
        description="Releases of this repository.",
        epilog="Exit codes: 0 well, 1 refused, 2 wrong usage, 3 the advisories could not be asked for.",
    )
    parser.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the checkout; else here")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    making = commands.add_parser("make", help="make archives, wheels, checksums and the rest")
    making.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="else dist/")
    making.add_argument("--dirty", action="store_true", help="also of files that no commit has")
    making.add_argument("--kept-wheels", action="store_true", help="take wheels that packaging built before")
    auditing = commands.add_parser("audit", help="judge licences; ask for advisories")
    auditing.add_argument("--service", default=advisory.SERVICE, metavar="URL", help="speaks OSV's language")
    auditing.add_argument("--offline", action="store_true", help="judge licences only")
    table = commands.add_parser("licences", help=f"write {licences.PAGE.as_posix()}")
    table.add_argument("--check", action="store_true", help="only say whether it is stale")
    return parser


if __name__ == "__main__":
    sys.exit(main())
