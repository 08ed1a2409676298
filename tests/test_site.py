"""The site that `make docs` builds: whole, without a broken link, and complete without a network."""

import functools
import importlib.util
import re
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parent.parent
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FETCHED = {
    ("img", "src"),
    ("script", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("link", "href"),
    ("object", "data"),
}
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--no-pings",
)  # fmt: skip


class Reader(HTMLParser):
    """What a page links to, fetches when it is opened, and can be linked to at."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name"):
                self.anchors.add(value or "")
            if (tag, name) in FETCHED:
                self.fetched.append(value or "")
            if name in ("href", "src") and value:
                self.links.append(value)


@functools.cache
def page(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built anew."""
    if not all(importlib.util.find_spec(name) for name in ("sphinx", "myst_parser", "furo")):
        pytest.skip("the site's generator is not installed; `make docs` installs it")
    output = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [sys.executable, "docs/site/build.py", "--output", str(output)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in output.parent.iterdir()] == ["site"], "nothing is left beside"
    return output


def test_every_page_is_there(site: Path) -> None:
    manifests = [*ROOT.glob("*-scorer/template.toml"), *ROOT.glob("templates/*/template.toml")]
    folders = [path.parent.relative_to(ROOT) for path in manifests]
    expected = {"index.html", "search.html", "docs/http-api.html", "docs/command-line.html"}
    expected |= {f"{folder}/index.html" for folder in folders}
    expected |= {str(path.relative_to(ROOT).with_suffix(".html")) for path in ROOT.glob("docs/**/*.md")}
    expected |= {f"{name}.html" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")}
    expected |= {
        str(path.relative_to(ROOT).with_suffix(".html")) for path in ROOT.glob("benchmarks/results/*.md")
    }

    assert [each for each in sorted(expected) if not (site / each).is_file()] == []
    assert len(folders) >= 6


def test_the_navigation_reaches_every_page(site: Path) -> None:
    todo, seen = [site / "index.html"], set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        inside = (unquote(link.partition("#")[0]) for link in page(here).links if "://" not in link)
        todo += [(here.parent / link).resolve() for link in inside if link.endswith(".html")]

    assert sorted(set(site.rglob("*.html")) - seen) == []


def test_no_link_is_broken(site: Path) -> None:
    broken = []
    for path in sorted(site.rglob("*.html")):
        for link in page(path).links:
            if re.match(r"[a-z]+:", link):
                continue
            place, _, anchor = link.partition("#")
            target = (path.parent / unquote(place.partition("?")[0])).resolve() if place else path
            if target == path.parent:  # the search page names itself so
                continue
            found = target.is_file() and target.is_relative_to(site)
            if not found or (
                anchor and target.suffix == ".html" and unquote(anchor) not in page(target).anchors
            ):
                broken.append(f"{path.relative_to(site)}: {link}")

    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    elsewhere = []
    for path in site.rglob("*"):
        if path.suffix == ".html":
            elsewhere += [
                f"{path.name}: {each}" for each in page(path).fetched if re.match(r"(https?:)?//", each)
            ]
        elif path.suffix in (".css", ".svg"):
            found = re.findall(
                r"url\(\s*['\"]?(?:https?:)?//[^)]*|@import[^;]*", path.read_text(encoding="utf-8")
            )
            elsewhere += [f"{path.name}: {each}" for each in found]

    assert elsewhere == []


def test_links_that_lead_out_are_listed(site: Path) -> None:
    listed = (site / "external-links.txt").read_text().split()

    assert "https://doi.org/10.24432/C5CW21" in listed
    assert all(each.startswith("https://") for each in listed)


def test_the_api_page_has_every_route_and_object(site: Path) -> None:
    document = yaml.safe_load((ROOT / "common/api/openapi.yaml").read_text())
    text = re.sub(r"<[^>]+>", "", (site / "docs/http-api.html").read_text())

    for path, methods in document["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in text
    for name, schema in document["components"]["schemas"].items():
        assert name in text
        for member in schema.get("properties", {}):
            assert member in text


def test_the_command_page_is_what_help_says(site: Path) -> None:
    text = (site / "docs/command-line.html").read_text()
    command = [str(Path(sys.executable).parent / "scoring"), "deploy", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, re.MULTILINE)
    assert len(options) > 5
    assert [option for option in options if option not in text] == []


class _Noting(socketserver.BaseRequestHandler):
    """Notes who asks the browser's proxy for what."""

    def handle(self) -> None:
        self.server.asked.append(self.request.recv(4096).split(b"\r\n")[0].decode())  # type: ignore[attr-defined]


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """A proxy that answers nothing: its port, and what it was asked for."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Noting) as server:
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.asked  # type: ignore[attr-defined]
        server.shutdown()


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on this machine")
def test_the_search_works_in_a_browser_without_a_network(
    site: Path, asked: tuple[int, list[str]], tmp_path: Path
) -> None:
    port, requests = asked
    proxy = [f"--proxy-server=http://127.0.0.1:{port}", f"--user-data-dir={tmp_path / 'browser'}"]
    where = f"file://{site}/search.html?q=rollback"

    shown = subprocess.run(
        [str(BROWSER), *QUIET, *proxy, "--virtual-time-budget=8000", "--dump-dom", where],
        capture_output=True, text=True, timeout=90, check=True,
    ).stdout  # fmt: skip

    results = shown[shown.index('id="search-results"') :]
    assert "docs/deployments.html" in results, results[:2000]
    # What the browser asks its own maker for is not the site's doing.
    assert [each for each in requests if "google" not in each] == []


REWRITING = """
import sys, pathlib
sys.path.insert(0, "docs/site")
import link, page
names = ("README.md", "a-scorer/README.md", "docs/x.md", "docs/adr/README.md")
pages = {name: page.Page(name) for name in names}
for repository in ("", "https://host/tree"):
    print(link.Links(pathlib.Path(), pages, repository).rewritten(*sys.argv[1:]), end="")
"""


@pytest.mark.parametrize(
    ("document", "text", "alone", "with_a_repository"),
    [
        ("README.md", "[t](a-scorer) `[t](a-scorer)`", "[t](a-scorer/index.md) `[t](a-scorer)`", None),
        ("docs/x.md", "[t](../a-scorer/README.md#go)", "[t](../a-scorer/index.md#go)", None),
        ("docs/x.md", "[why](adr)", "[why](adr/index.md)", None),
        ("docs/adr/README.md", "[x](../x.md) [y](#z)", "[x](../x.md) [y](#z)", None),
        (
            "a-scorer/README.md",
            "[p](terraform/p.json)",
            "p",
            "[p](https://host/tree/a-scorer/terraform/p.json)",
        ),
        ("README.md", "[e](https://e.org/a(b))", "[e](https://e.org/a(b))", None),
    ],
)
def test_links_are_rewritten(document: str, text: str, alone: str, with_a_repository: str | None) -> None:
    command = [sys.executable, "-c", REWRITING, document, text]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [alone, with_a_repository or alone]


def test_diagrams_are_fresh_and_self_contained() -> None:
    checked = subprocess.run(
        [sys.executable, "docs/diagrams/draw.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    sources = sorted((ROOT / "docs/diagrams").glob("*.dot"))

    assert checked.returncode == 0, checked.stderr
    assert len(sources) >= 4
    for source in sources:
        drawn = source.with_suffix(".svg").read_text()
        assert "prefers-color-scheme: dark" in drawn
        assert not re.search(r"<script|<image|@import|url\(|href=", drawn)
        for label in re.findall(r'label="\s*([^"\\]+)', source.read_text()):
            assert label.strip().replace(">", "&gt;") in drawn.replace("&#45;", "-").replace("&#160;", " ")


def test_a_changed_text_makes_its_diagram_stale(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs/diagrams", tmp_path / "diagrams")
    with (tmp_path / "diagrams/house.dot").open("a") as file:
        file.write("// another thought\n")

    command = [sys.executable, str(tmp_path / "diagrams/draw.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 1
    assert "house.svg is stale" in checked.stderr
    assert "artifact.svg" not in checked.stderr
