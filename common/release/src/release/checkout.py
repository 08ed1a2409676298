"""The checkout that a release is made of: which commit it is, and whether it is fit to be released."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deployment.template import Template
from scoring.problem import Problem

from release import changelog
from release.project import Project, workspace

_FIRST_DAY: Final = 315532800
"""1980-01-01, the day of a release that no commit dates."""
_SHOWN: Final = 5


@dataclass(frozen=True)
class Checkout:
    """A checkout, as it was when it was looked at."""

    root: Path
    projects: tuple[Project, ...]
    commit: str | None
    """The commit, None where git knows none."""
    changed: tuple[str, ...]
    """Files that differ from the commit."""
    moment: int
    """When the commit was made, or SOURCE_DATE_EPOCH: seconds since 1970."""

    @property
    def version(self) -> str:
        """The one version of everything here."""
        return self.projects[0].version

    @property
    def wheels(self) -> tuple[Project, ...]:
        """The projects that a release has as wheels."""
        return tuple(each for each in self.projects[1:] if each.published and not each.template)

    @property
    def templates(self) -> tuple[Project, ...]:
        """The projects that a release has as archives; what new templates are made from is not among them."""
        return tuple(each for each in self.projects[1:] if each.template and each.folder.parent == self.root)

    def check(self, dirty: bool = False) -> None:
        """Raise Problem with all that speaks against a release of this; `dirty` lets changed files be."""
        faults = [*self._versions(), *self._ranges()]
        try:
            changelog.section(self.root, self.version)
        except Problem as problem:
            faults.append({"field": changelog.NAME, "detail": str(problem)})
            faults += problem.errors
        if self.commit is None and not dirty:
            faults.append({"field": "git", "detail": "It knows no commit here; --dirty does without."})
        if self.changed and not dirty:
            named = ", ".join(self.changed[:_SHOWN]) + (" ..." if len(self.changed) > _SHOWN else "")
            detail = f"Not as in the commit: {named}. Commit what belongs there; --dirty does without."
            faults.append({"field": "git", "detail": detail})
        if faults:
            detail = f"This checkout cannot be released, for {_counted(len(faults), 'reason')}."
            raise Problem("checkout_unfit", 409, detail, "Mend each.", faults)

    def _versions(self) -> list[dict[str, Any]]:
        told = {path: version for project in self.projects for path, version in project.versions().items()}
        return [
            {
                "field": path.relative_to(self.root).as_posix(),
                "detail": f"It is {version}, not {self.version}.",
            }
            for path, version in told.items()
            if version != self.version
        ]

    def _ranges(self) -> list[dict[str, Any]]:
        """Find what asks for another version of ours than this one."""
        faults: list[dict[str, Any]] = []
        own = {project.name for project in self.projects}
        for project in self.projects[1:]:
            place = project.folder.relative_to(self.root).as_posix()
            faults += [
                {"field": f"{place}/pyproject.toml", "detail": f"{need} excludes {self.version}."}
                for need in (*project.requirements, *project.optional)
                if need.name in own and not need.specifier.contains(self.version, prereleases=True)
            ]
            if project.template and not (template := Template.read(project.folder)).accepts_core(
                self.version
            ):
                detail = f"core = {template.core!r} excludes {self.version}."
                faults.append({"field": f"{place}/template.toml", "detail": detail})
        return faults


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def look(root: Path) -> Checkout:
    """Look at a checkout; raises Problem where there is no workspace."""
    root = root.resolve()
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=all") or ""
    dated = os.environ.get("SOURCE_DATE_EPOCH") or _git(root, "log", "-1", "--format=%ct") or ""
    if dated and not dated.isdigit():
        detail = f"SOURCE_DATE_EPOCH is {dated!r}."
        raise Problem("date_invalid", 400, detail, "Give seconds since 1970, or leave it out.")
    lines = tuple(line[3:] for line in changed.splitlines())
    return Checkout(root, workspace(root), commit, lines, max(int(dated or 0), _FIRST_DAY))


def _git(root: Path, *words: str) -> str | None:
    """Return what git says, None where it does not know the folder or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
