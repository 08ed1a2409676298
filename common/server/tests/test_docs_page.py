"""The page: nothing from outside, a policy that fits, and in a real browser a request that is sent."""

import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from server import page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# The page with a script that does what a person would: open a route, wait for the sample, send it.
PRESS = """
import runpy, sys
from server import page
plain = page._file
def pressed(name):
    content = plain(name)
    if name != "page/page.js":
        return content
    return content + b'''
const press = setInterval(() => {
  const card = document.getElementById("score");
  if (!card) return;
  card.open = true;
  const body = card.querySelector("textarea");
  if (!body.value.includes('"a"')) return;
  clearInterval(press);
  document.getElementById("key").value = "k<b>";
  card.querySelector("form").requestSubmit();
}, 20);
'''
page._file = pressed
sys.argv[0] = "server"
runpy.run_module("server", run_name="__main__", alter_sys=True)
"""


def test_the_page_is_whole_and_its_policy_lets_nothing_else_in(make: Callable[..., Any], tools: Any) -> None:
    got = tools.fetch(make(), "GET", "/docs")
    text = got.body.decode()
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert not re.search(r"@import|url\(|innerHTML|eval\(| style=| on[a-z]+=\"", text)
    policy = got.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert len(got.body) < 60_000


def test_the_page_and_the_definition_need_no_key(make: Callable[..., Any], tools: Any) -> None:
    assert {route.access for route in page.ROUTES} == {"open"}
    got = tools.fetch(make(), "GET", "/openapi.json")
    assert got.headers["content-type"] == "application/json"
    assert got.json["openapi"].startswith("3.1")


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on this machine")
def test_a_browser_shows_the_routes_and_sends_a_request(serve: Callable[..., Any], tmp_path: Path) -> None:
    serving = serve(program=("-c", PRESS))
    quiet = [
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", *quiet]
    command += [f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=6000", "--dump-dom"]
    found = subprocess.run(
        [*command, f"http://127.0.0.1:{serving.port}/docs"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert found.count('class="route"') > 30
    assert "200 OK" in found
    assert re.search(r'<pre class="answer">\{\s*"id"', found)
    assert '-H "x-api-key: $API_KEY"' in found  # the key itself is not shown
    assert "k&lt;b&gt;" not in found
    assert "x-pipeline-digest: " in found
