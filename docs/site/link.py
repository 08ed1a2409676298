"""Links: those of a document, rewritten for its page, and those that lead out of the site."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from page import DECISIONS, Page

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
CODE = re.compile(r"(`+)(?:(?!\1).)+?\1")


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change a Markdown text where it is no code."""
    lines, fence = [], ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            fence = ""
        elif not fence:
            line = _around_spans(line, change)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _around_spans(line: str, change: Callable[[str], str]) -> str:
    spans: list[str] = []

    def put_by(match: re.Match[str]) -> str:
        spans.append(match[0])
        return f"\0{len(spans) - 1}\0"

    changed = change(CODE.sub(put_by, line))
    return re.sub("\0(\\d+)\0", lambda match: spans[int(match[1])], changed)


@dataclass
class Links:
    """The links of all documents."""

    root: Path
    pages: Mapping[str, Page]
    repository: str = ""
    """Where the files can be read that the site does not have; without it they are named only."""
    external: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)

    def rewritten(self, document: str, text: str) -> str:
        """Return the text of a document with links that fit its page."""
        return outside_code(text, lambda part: LINK.sub(lambda match: self._link(document, match), part))

    def _link(self, document: str, match: re.Match[str]) -> str:
        picture, label, link = match.groups()
        if "://" in link or link.startswith("mailto:"):
            self.external.add(link)
            return match[0]
        place, _, anchor = link.partition("#")
        if not place:
            return match[0]
        target = os.path.normpath(PurePosixPath(document).parent / place)
        here = PurePosixPath(self.pages[document].name).parent
        if picture:
            self.pictures.add(target)
            return f"![{label}]({os.path.relpath(target, here)})"
        for known in (target, f"{target}/README.md"):
            if known in self.pages:
                there = os.path.relpath(self.pages[known].name, here) + ".md"
                return f"[{label}]({there}{'#' + anchor if anchor else ''})"
        if self.repository:
            return f"[{label}]({self.repository}/{target})"
        return f"{label}"


def decisions(root: Path, documents: tuple[str, ...]) -> str:
    """Write the page that lists the decisions."""
    folder = PurePosixPath(DECISIONS).parent
    lines = ["# Decisions", "", "Each page says what was decided, why, and what was left for it.", ""]
    for each in documents:
        title = (root / each).read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"* [{title}]({PurePosixPath(each).relative_to(folder)})")
    return "\n".join(lines) + "\n"
