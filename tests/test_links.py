"""Every link of every document leads to a file, and to a heading in it, of this repository.

Links that lead elsewhere are not followed, since tests dial no one; the site lists them.
"""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ELSEWHERE = {".venv", ".uv", "build", "dist", ".pytest_cache", "node_modules"}
DOCUMENTS = sorted(
    path.relative_to(ROOT) for path in ROOT.rglob("*.md") if not ELSEWHERE & set(path.relative_to(ROOT).parts)
)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
CODE = re.compile(r"(`+)(?:(?!\1).)+?\1")
FENCED = re.compile(r"^[ >]*(`{3,}|~{3,}).*?^[ >]*\1`*[ ]*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+?)(?: #+)?$", re.MULTILINE)


def links(text: str) -> list[str]:
    """The targets of links and pictures outside of code."""
    # The text of a link may be code; what is in it is none.
    plain = CODE.sub(lambda match: "`" + re.sub(r"[\[\]()]", " ", match[0][1:-1]) + "`", FENCED.sub("", text))
    return LINK.findall(plain)


def anchors(text: str) -> set[str]:
    """The names of a document's headings as GitHub and the site make them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = "".join(
            letter for letter in plain.lower() if letter in " -_" or unicodedata.category(letter)[0] in "LN"
        ).replace(" ", "-")
        found.add(name if not seen[name] else f"{name}-{seen[name]}")
        seen[name] += 1
    return found


def broken(document: Path) -> list[str]:
    """The links of a document that lead nowhere, or out of the repository's folder."""
    found = []
    for link in links(document.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        missing = link.startswith("/") or not target.is_relative_to(ROOT) or not target.exists()
        if missing or (anchor and (target.suffix != ".md" or anchor not in anchors(target.read_text()))):
            found.append(link)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    assert broken(ROOT / document) == []


def test_links_in_code_are_none() -> None:
    text = "`[a](b)` [`c`](d) ![e](f.svg)\n```sh\n[g](h)\n```\n[[i]](j#k)\n"

    assert links(text) == ["d", "f.svg", "j#k"]


def test_headings_are_named_as_github_names_them() -> None:
    text = "# `POST /a_b`: it's *so* [here](x)\n## Two\n## Two\n```\n# no\n```\n"

    assert anchors(text) == {"post-a_b-its-so-here", "two", "two-1"}
