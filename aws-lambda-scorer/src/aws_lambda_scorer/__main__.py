"""The function on this host, without Lambda: `python -m aws_lambda_scorer run x.pipeline` serves it on PORT.

For trying things out: requests become the events of a REST API, one thread each, and go to the handler.
"""

import os
import signal
import sys
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4


class _Gateway(BaseHTTPRequestHandler):
    """Turns requests into events and answers back."""

    protocol_version = "HTTP/1.1"
    handle_event: Any

    def _pass(self) -> None:
        size = self.headers.get("content-length", "0")
        body = self.rfile.read(int(size) if size.isdigit() else 0)
        shape = type(self).handle_event(self._event(body), SimpleNamespace(aws_request_id=str(uuid4())))
        text = shape["body"]
        content = b64decode(text) if shape["isBase64Encoded"] else text.encode()
        self.send_response(shape["statusCode"])
        for name, value in shape["headers"].items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = _pass  # noqa: N815 -- the library's names

    def log_message(self, *_: Any) -> None:
        """Say nothing: the handler logs."""

    def _event(self, body: bytes) -> dict[str, Any]:
        from base64 import b64encode

        parts = urlsplit(self.path)
        return {
            "resource": "/{proxy+}",
            "path": unquote(parts.path),
            "httpMethod": self.command,
            "headers": dict(self.headers.items()),
            "multiValueHeaders": {name: self.headers.get_all(name) for name in self.headers},
            "multiValueQueryStringParameters": parse_qs(parts.query, keep_blank_values=True) or None,
            "pathParameters": {"proxy": parts.path.lstrip("/")},
            "requestContext": {"stage": "local", "httpMethod": self.command, "path": parts.path},
            "body": b64encode(body).decode() or None,
            "isBase64Encoded": bool(body),
        }


def main(words: list[str]) -> int:
    """Serve the artifact that the words name; returns the exit status."""
    if len(words) != 2 or words[0] != "run":
        sys.stderr.write("Usage: python -m aws_lambda_scorer run x.pipeline\n")
        return 2
    path = Path(words[1]).resolve()
    if not path.is_file():
        sys.stderr.write(f"Error: there is no artifact at {str(words[1])!r}.\n")
        return 2
    os.environ["PIPELINE_URI"] = str(path)
    from aws_lambda_scorer.handler import handle

    _Gateway.handle_event = staticmethod(handle)
    port = int(os.environ.get("PORT") or "9000")
    host = os.environ.get("HOST") or "127.0.0.1"
    server = ThreadingHTTPServer((host, port), _Gateway)
    server.daemon_threads = True

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    sys.stderr.write(f"The function answers at http://{host}:{server.server_port}\n")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass  # as asked
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
