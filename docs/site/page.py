"""Pages: which documents of the repository the site has, in which order, and under which names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

HOME: Final = "README.md"
DECISIONS: Final = "docs/adr/README.md"
COMMANDS: Final = "docs/command-line.md"
INTERFACE: Final = "docs/http-api.md"
GENERATED: Final = (DECISIONS, COMMANDS, INTERFACE)
"""Documents that the builder writes; the repository has no such files."""

GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "Start": ("docs/tutorial.md", "docs/concepts.md"),
    "Templates": ("*-scorer/README.md", "templates/README.md", "templates/*/README.md"),
    "Use": ("docs/deployments.md", "docs/artifact.md", "docs/contract.md"),
    "Databases": (
        "docs/sql-beside.md", "docs/sql-compiled.md", "docs/warehouses.md", "*-scorer/*/README.md",
    ),
    "Look up": (INTERFACE, COMMANDS, "common/*/README.md"),
    "How fast, how good": ("benchmarks/README.md",),
    "Why": (DECISIONS, "docs/hard-won-facts.md"),
    "The project": ("docs/*.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"),
}  # fmt: skip
"""What the navigation shows: a heading, and patterns of documents; one stands where it is named first."""

UNDER: Final[Mapping[str, Sequence[str]]] = {
    DECISIONS: ("docs/adr/[0-9]*.md",),
    "benchmarks/README.md": ("benchmarks/results/*.md",),
}
"""Documents that the navigation shows below another."""


@dataclass(frozen=True)
class Page:
    """A document of the repository as a page."""

    document: str
    """Its path in the repository."""
    below: tuple[str, ...] = ()
    """Documents that the navigation shows below it."""

    @property
    def name(self) -> str:
        """The path in the site without an ending; a folder's README.md is its index."""
        path = PurePosixPath(self.document)
        return str(path.with_name("index") if path.name == "README.md" else path.with_suffix(""))


@dataclass(frozen=True)
class Contents:
    """All pages by their documents, and the navigation."""

    pages: dict[str, Page] = field(default_factory=dict)
    groups: dict[str, list[Page]] = field(default_factory=dict)

    @classmethod
    def found(cls, root: Path) -> "Contents":
        """Find the documents of a checkout.

        Raises:
            FileNotFoundError: a pattern leads to nothing, so the navigation is out of date.
        """
        contents = cls({HOME: Page(HOME)})
        for heading, patterns in GROUPS.items():
            contents.groups[heading] = [
                contents._add(root, document)
                for pattern in patterns
                for document in matching(root, pattern)
                if document not in contents.pages
            ]
        return contents

    def _add(self, root: Path, document: str) -> Page:
        below = tuple(each for pattern in UNDER.get(document, ()) for each in matching(root, pattern))
        self.pages[document] = Page(document, below)
        self.pages.update({each: Page(each) for each in below})
        return self.pages[document]


def matching(root: Path, pattern: str) -> list[str]:
    """Name the documents of a pattern; a folder named *-scorer counts where it is a template."""
    if pattern in GENERATED:
        return [pattern]
    found = sorted(str(path.relative_to(root).as_posix()) for path in root.glob(pattern))
    if pattern.startswith("*-scorer/"):
        found = [each for each in found if (root / each.split("/")[0] / "template.toml").is_file()]
    if not found:
        raise FileNotFoundError(
            f"{pattern} leads to no document; mend GROUPS or UNDER in {Path(__file__).name}"
        )
    return found
