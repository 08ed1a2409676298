"""Advisories: asked of a service on this host that speaks as OSV does; unasked is never taken for none."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from release import advisory
from release.advisory import Verdict
from scoring.problem import Problem

ROOT = Path(__file__).parents[3]
LOCK = """
version = 1
requires-python = ">=3.11"

[[package]]
name = "weak"
version = "1.0"
source = { registry = "http://127.0.0.1:9/simple" }

[[package]]
name = "small"
version = "0.1"
source = { virtual = "." }
dependencies = [{ name = "weak" }]

[package.metadata]
requires-dist = [{ name = "weak" }]
"""


class Service(HTTPServer):
    """Knows weaknesses of the distributions in `weak`."""

    weak: frozenset[str] = frozenset()
    asked: tuple[tuple[str, str], ...] = ()


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        self.server.asked = tuple((each["package"]["name"], each["version"]) for each in queries)
        found = {"vulns": [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z"}]}
        self.answer({"results": [found if name in self.server.weak else {} for name, _ in self.server.asked]})

    def do_GET(self) -> None:
        fixed = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]
        about = {"package": {"name": "weak", "ecosystem": "PyPI"}, "ranges": fixed}
        known = {
            "id": "TEST-1",
            "modified": "2026-01-01T00:00:00Z",
            "summary": "It breaks.",
            "affected": [about],
        }
        self.answer(known)

    def answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "0.1"\nrequires-python = ">=3.11"\ndependencies = ["weak"]\n'
    )
    (tmp_path / "uv.lock").write_text(LOCK)
    return tmp_path


def address(service: Service) -> str:
    return f"http://127.0.0.1:{service.server_port}/"


def test_what_is_known_is_told_with_what_mends_it(locked: Path, service: Service) -> None:
    service.weak = frozenset({"weak"})

    answer = advisory.ask(locked, address(service))

    assert service.asked == (("weak", "1.0"),)
    assert answer.verdict is Verdict.WEAK
    (line,) = answer.lines
    assert line.startswith("weak 1.0: TEST-1 It breaks. (mended in 1.1)")


def test_nothing_known_is_clean(locked: Path, service: Service) -> None:
    assert advisory.ask(locked, address(service)).verdict is Verdict.CLEAN


def test_a_lock_that_is_stale_is_no_approval(locked: Path, service: Service) -> None:
    path = locked / "pyproject.toml"
    path.write_text(path.read_text().replace('["weak"]', '["weak", "other"]'))

    answer = advisory.ask(locked, address(service))

    assert answer.verdict is Verdict.UNKNOWN
    assert "error: " in " ".join(answer.lines)


def test_without_a_lock_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"no uv\.lock"):
        advisory.ask(tmp_path)


def audited(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "release", "audit", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_tells_unasked_from_clean_and_weak(service: Service) -> None:
    if not (ROOT / "uv.lock").is_file():
        pytest.skip("the checkout has no uv.lock")
    clean = audited("--service", address(service))
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "No advisory is known" in clean.stdout

    service.weak = frozenset({"numpy"})
    weak = audited("--service", address(service))
    assert weak.returncode == 1
    assert "numpy" in weak.stderr

    unasked = audited("--service", "http://127.0.0.1:9/")
    assert unasked.returncode == 3
    assert "Nothing is known of advisories: they could not be asked for" in unasked.stderr
    assert "What to do:" in unasked.stderr


def test_licences_are_judged_without_a_network() -> None:
    done = audited("--offline")

    assert done.returncode == 0, done.stderr
    assert "are allowed." in done.stdout
    assert "Advisories were not asked for." in done.stdout
