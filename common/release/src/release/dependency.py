"""What our distributions need at run time, as it is installed here: that is what was tested."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from typing import Final

from deployment.licence import stated
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.project import Project

_HOMES: Final = ("homepage", "home", "source", "repository", "sourcecode", "github", "documentation")


@dataclass(frozen=True)
class Dependency:
    """A distribution of somebody else."""

    name: str
    version: str
    licence: str
    """An SPDX expression, "" if it states none."""
    home: str
    """Its page, "" if it names none."""
    needed_by: tuple[str, ...]
    """Our distributions that ask for it, or for something that asks for it."""
    extra_of: tuple[str, ...]
    """Our distributions that have an extra which brings it."""
    needs: tuple[str, ...]
    """The names of those that it asks for itself."""

    @property
    def optional(self) -> bool:
        """Whether only an extra brings it."""
        return not self.needed_by


@dataclass(frozen=True)
class Dependencies:
    """All that our distributions need, and what extras of theirs ask for that is not installed here."""

    installed: tuple[Dependency, ...]
    extras: tuple[tuple[str, str], ...]
    """What extras name themselves: (name, our distribution)"""

    @property
    def absent(self) -> tuple[tuple[str, str], ...]:
        """What extras name and is not installed here."""
        return tuple(each for each in self.extras if _installed(each[0]) is None)

    def of(self, project: Project) -> list[str]:
        """Name those that a project asks for itself."""
        asked = _asked((*project.requirements, *project.optional))
        return sorted(asked & {each.name for each in self.installed})


def resolve(projects: Sequence[Project]) -> Dependencies:
    """Follow what the projects ask for, through what is installed here.

    What a required distribution asks for and is not installed here is for another system or Python, and is
    left out.
    """
    own = {canonicalize_name(project.name) for project in projects}
    needed: dict[str, set[str]] = {}
    wanted: dict[str, set[str]] = {}
    for project in projects:
        for found, needs in ((needed, project.requirements), (wanted, project.optional)):
            for name in _closure(need for need in needs if canonicalize_name(need.name) not in own):
                found.setdefault(name, set()).add(project.name)
    extras = {
        (str(canonicalize_name(need.name)), project.name)
        for project in projects
        for need in project.optional
        if canonicalize_name(need.name) not in own
    }
    names = sorted(name for name in {*needed, *wanted} if _installed(name) is not None)
    described = (_described(name, needed.get(name, set()), wanted.get(name, set())) for name in names)
    return Dependencies(tuple(described), tuple(sorted(extras)))


def _closure(needs: Iterable[Requirement]) -> set[str]:
    """Name what these requirements bring, directly or not; also those that are not installed."""
    waiting = [(need, "") for need in needs]
    seen: set[tuple[str, str]] = set()
    while waiting:
        need, extra = waiting.pop()
        if need.marker is not None and not need.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(need.name)
        for brought in ("", *sorted(need.extras)):
            if (name, brought) not in seen:
                seen.add((name, brought))
                waiting += [(inner, brought) for inner in _requirements(name)]
    return {name for name, _ in seen}


def _asked(needs: Iterable[Requirement]) -> set[str]:
    """Name what these requirements ask for themselves; what an extra in brackets brings counts, too."""
    found = set()
    for need in needs:
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            name = canonicalize_name(need.name)
            found |= {str(name)} | {inner for extra in need.extras for inner in _of_extra(name, extra)}
    return found


def _of_extra(name: str, extra: str) -> set[str]:
    """Name what an extra of a distribution adds to what it asks for anyway."""
    return {
        str(canonicalize_name(need.name))
        for need in _requirements(name)
        if need.marker is not None
        and need.marker.evaluate({"extra": extra})
        and not need.marker.evaluate({"extra": ""})
    }


def _requirements(name: str) -> list[Requirement]:
    found = _installed(name)
    return [] if found is None else [Requirement(text) for text in found.requires or ()]


def _installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _described(name: str, needed_by: set[str], extra_of: set[str]) -> Dependency:
    distribution = metadata.distribution(name)
    # A distribution's metadata are a Message, which their declared type does not say.
    about = distribution.metadata
    assert isinstance(about, Message)
    needs = _asked(_requirements(name))
    return Dependency(
        name,
        distribution.version,
        stated(about),
        _home(about),
        tuple(sorted(needed_by)),
        tuple(sorted(extra_of)),
        tuple(sorted(each for each in needs if _installed(each) is not None)),
    )


def _home(about: Message) -> str:
    """Return the page that a distribution names as its home, or the next best."""
    named = {}
    for line in about.get_all("Project-URL") or []:
        label, _, address = str(line).partition(",")
        named["".join(filter(str.isalnum, label.lower()))] = address.strip()
    places = [named.get(label, "") for label in _HOMES]
    places.insert(2, str(about["Home-page"] or ""))
    return next(filter(None, places), "")
