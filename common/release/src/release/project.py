"""A project of the workspace: what its pyproject.toml says of it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from scoring.problem import Problem

_VERSION: Final = re.compile(r'^__version__ = "([^"]*)"', re.MULTILINE)
_PRIVATE: Final = "Private :: Do Not Upload"


@dataclass(frozen=True)
class Project:
    """One pyproject.toml: its folder, and what it says."""

    folder: Path
    name: str
    version: str
    requirements: tuple[Requirement, ...]
    optional: tuple[Requirement, ...]
    """What its extras ask for."""
    published: bool
    """Whether a release has it: tools of the repository say `Private :: Do Not Upload`."""

    @property
    def template(self) -> bool:
        """Whether it is a template, which a release has as an archive and not as a wheel."""
        return (self.folder / "template.toml").is_file()

    def versions(self) -> dict[Path, str]:
        """Give every file of the project that names the project's version, with the version there."""
        found = {self.folder / "pyproject.toml": self.version}
        for path in sorted((self.folder / "src").glob("*/__init__.py")):
            told = _VERSION.search(path.read_text(encoding="utf-8"))
            if told:
                found[path] = told[1]
        for path in sorted(self.folder.glob("*.yaml")):  # an image has the version in its tag
            told = re.search(rf"\b{re.escape(self.name)}:(\d[\w.]*)", path.read_text(encoding="utf-8"))
            if told:
                found[path] = told[1]
        return found


def read(folder: Path) -> Project:
    """Read the pyproject.toml in a folder; raises Problem."""
    path = folder / "pyproject.toml"
    try:
        body: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        about = body["project"]
        return Project(
            folder,
            str(about["name"]),
            str(about["version"]),
            tuple(map(Requirement, about.get("dependencies", ()))),
            tuple(
                Requirement(text)
                for texts in about.get("optional-dependencies", {}).values()
                for text in texts
            ),
            _PRIVATE not in about.get("classifiers", ()),
        )
    except (OSError, ValueError, KeyError) as fault:
        detail = f"{str(path)!r} cannot be read as a project: {fault!r}."
        raise Problem("project_invalid", 400, detail, "Mend the file.") from None


def workspace(root: Path) -> tuple[Project, ...]:
    """Read the projects of a workspace, the root's own first; raises Problem where there is no workspace."""
    first = read(root)
    body = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    globs = body.get("tool", {}).get("uv", {}).get("workspace", {}).get("members", [])
    if not globs:
        detail = f"{str(root)!r} is no workspace: its pyproject.toml names no members."
        raise Problem("workspace_missing", 400, detail, "Run this in a checkout of the repository.")
    folders = sorted({path.parent for each in globs for path in root.glob(f"{each}/pyproject.toml")})
    return (first, *map(read, folders))
