"""The page that shows the contract and sends requests, and the contract itself.

The page is one document without any outside asset; its Content-Security-Policy allows its own script and
style by their digests, and requests to this server only.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from server.call import JSON, Answer, Call
from server.route import Route


async def openapi(_call: Call) -> Answer:
    """Answer GET /openapi.json."""
    return Answer(200, JSON, _file("openapi.json"), _SAFE)


async def docs(_call: Call) -> Answer:
    """Answer GET /docs."""
    page, policy = _page()
    headers = ((b"content-security-policy", policy), (b"referrer-policy", b"no-referrer"), *_SAFE)
    return Answer(200, "text/html; charset=utf-8", page, headers)


@cache
def _page() -> tuple[bytes, bytes]:
    """Return the page and its policy."""
    script, style = _file("page/page.js"), _file("page/page.css")
    page = _file("page/page.html")
    page = page.replace(b"<!-- style -->", b"<style>" + style + b"</style>")
    page = page.replace(b"<!-- script -->", b"<script>" + script + b"</script>")
    rules = (
        "default-src 'none'",
        f"script-src 'sha256-{_digest(script)}'",
        f"style-src 'sha256-{_digest(style)}'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return page, "; ".join(rules).encode()


@cache
def _file(name: str) -> bytes:
    return files("server").joinpath(name).read_bytes()


def _digest(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


_SAFE: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-cache"))

ROUTES: Final = (
    Route("GET", "/docs", docs, "light", "open"),
    Route("GET", "/openapi.json", openapi, "light", "open"),
)
