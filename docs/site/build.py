"""Build the site: `python docs/site/build.py` writes build/site from what the repository holds."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import command
import interface
import link
from page import COMMANDS, DECISIONS, HOME, INTERFACE, Contents, Page

ROOT = Path(__file__).parent.parent.parent


def build(output: Path, repository: str = "") -> set[str]:
    """Build the site, and put it in the place of an earlier one when it is whole.

    Returns:
        The links that lead out of the site; nobody follows them here.

    Raises:
        SystemExit: Sphinx found something wrong, and has said what.
    """
    contents = Contents.found(ROOT)
    links = link.Links(ROOT, contents.pages, repository)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=output.parent) as folder:
        source, made = Path(folder, "source"), Path(folder, "site")
        for page in contents.pages.values():
            place = source / f"{page.name}.md"
            place.parent.mkdir(parents=True, exist_ok=True)
            text = links.rewritten(page.document, _text(page))
            place.write_text(text + _navigation(page, contents), encoding="utf-8")
        for picture in links.pictures:
            (source / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / picture, source / picture)
        _sphinx(source, made, Path(folder, "kept"))
        (made / ".buildinfo").unlink(missing_ok=True)
        listed = "".join(f"{each}\n" for each in sorted(links.external))
        (made / "external-links.txt").write_text(listed, encoding="utf-8")
        shutil.rmtree(output, ignore_errors=True)
        made.replace(output)
    return links.external


def _text(page: Page) -> str:
    """Return the Markdown of a page: a document's, or one that is written here."""
    if page.document == COMMANDS:
        return command.page()
    if page.document == INTERFACE:
        return interface.page(ROOT)
    if page.document == DECISIONS:
        return link.decisions(ROOT, page.below)
    return (ROOT / page.document).read_text(encoding="utf-8")


def _navigation(page: Page, contents: Contents) -> str:
    if page.document == HOME:
        return "".join(_tree(page, each, heading) for heading, each in contents.groups.items())
    below = [contents.pages[each] for each in page.below]
    return _tree(page, below, "") if below else ""


def _tree(page: Page, below: Sequence[Page], heading: str) -> str:
    here = Path(page.name).parent
    names = "".join(f"{os.path.relpath(each.name, here)}\n" for each in below)
    caption = f":caption: {heading}\n" if heading else ""
    return f"\n```{{toctree}}\n:hidden:\n{caption}\n{names}```\n"


def _sphinx(source: Path, made: Path, kept: Path) -> None:
    words = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(Path(__file__).parent), "-d", str(kept)]
    command_line = [sys.executable, "-m", "sphinx", *words, str(source), str(made)]
    done = subprocess.run(command_line, cwd=source, capture_output=True, text=True, check=False)
    # A warning names a page that was gathered; the reader has the document.
    told = (done.stdout + done.stderr).replace(f"{source}/", "").replace("index.md:", "README.md:")
    if done.returncode:
        raise SystemExit(f"{told}The site was not built.")


def main() -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build/site", help="where to (default: build/site)"
    )
    parser.add_argument(
        "--repository",
        default=os.environ.get("SITE_REPOSITORY", ""),
        help="where the repository's files can be read, for links to those that the site does not have",
    )
    chosen = parser.parse_args()
    external = build(chosen.output.absolute(), chosen.repository.rstrip("/"))
    print(f"{chosen.output / 'index.html'}; {len(external)} links lead out of it, listed and not followed")


if __name__ == "__main__":
    main()
