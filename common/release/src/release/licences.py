"""Tables of the licences of what we need at run time: one for the documents, one for a release."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from scoring.draft import drafted

from release.dependency import Dependencies, Dependency
from release.policy import Policy

PAGE: Final = Path("docs") / "licences.md"

_OF_PAGE: Final = """# Licences of what we need

What our distributions need at run time on Linux, directly or through others. Releases list the versions, too.
`make tables` writes this page from what is installed, and [`make audit`](../CONTRIBUTING.md#a-release) holds
the licences to the policy in `pyproject.toml`.

"""
_OF_RELEASE: Final = """# Licences of what {version} needs

What the distributions of this release need at run time on Linux, in the versions that it was tested with.
What only an extra brings is in parentheses. None of it is in the release: installing the wheels fetches it.

"""


def page(dependencies: Dependencies, policy: Policy) -> str:
    """Return the documents' table: no versions, which change too often."""
    lines = ["| name | licence | needed by |", "|---|---|---|"]
    needed = [each for each in dependencies.installed if not each.optional]
    lines += [f"| {each.name} | {each.licence} | {', '.join(each.needed_by)} |" for each in needed]
    lines += [*_excused(needed, policy)]
    if dependencies.extras:
        lines.append("\nExtras ask for more, which is judged where it is installed:\n")
        lines += [f"* {name}, {project}" for name, project in dependencies.extras]
    return _OF_PAGE + "\n".join(lines) + "\n"


def table(dependencies: Dependencies, policy: Policy, version: str) -> str:
    """Return a release's table: with versions and homes."""
    lines = ["| name | version | licence | home | needed by |", "|---|---|---|---|---|"]
    for each in dependencies.installed:
        name = f"({each.name})" if each.optional else each.name
        needed = ", ".join(each.needed_by or each.extra_of)
        lines.append(f"| {name} | {each.version} | {each.licence} | {each.home} | {needed} |")
    lines += [*_excused(dependencies.installed, policy)]
    if dependencies.absent:
        lines.append("\nExtras that were not installed where this was written, and so were not judged:\n")
        lines += [f"* {name}, {project}" for name, project in dependencies.absent]
    return _OF_RELEASE.format(version=version) + "\n".join(lines) + "\n"


def fresh(root: Path, dependencies: Dependencies, policy: Policy) -> bool:
    """Say whether the documents' table is what it would be if it were written now."""
    path = root / PAGE
    return path.is_file() and path.read_text(encoding="utf-8") == page(dependencies, policy)


def write(root: Path, dependencies: Dependencies, policy: Policy) -> Path:
    """Write the documents' table; gives its path. Raises Problem."""
    path = root / PAGE
    with drafted(path) as draft:
        draft.write_text(page(dependencies, policy), encoding="utf-8")
    return path


def _excused(dependencies: Iterable[Dependency], policy: Policy) -> Iterator[str]:
    """Give the lines about those whose licence is not on the list."""
    known = {each.name for each in dependencies}
    excused = [(name, policy.excused[name]) for name in sorted(policy.excused) if name in known]
    if excused:
        yield "\nAccepted although their licence is not on the list:\n"
        yield from (f"* {name}, {each.licence}: {each.why}" for name, each in excused)
