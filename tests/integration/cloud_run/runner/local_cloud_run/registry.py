"""A registry of images in memory: as much of the OCI distribution protocol as a push and a look-up need."""

import hashlib
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
_UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([0-9a-f]*)(?:\?digest=(.+))?")
_MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")


class Registry:
    """What was pushed: blobs and manifests by digest, and the digests that tags stand for."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}


@contextmanager
def registry() -> Iterator[Registry]:
    """Serve a registry on a free port of the loopback interface."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.kept = Registry(server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.kept  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def kept(self) -> Registry:
        kept: Registry = self.server.kept  # type: ignore[attr-defined]
        return kept

    def do_GET(self) -> None:
        if self.path == "/v2/":
            return self._answer(200)
        found = _MANIFEST.fullmatch(self.path)
        digest = self.kept.tags.get(found[2], found[2]) if found else ""
        body = self.kept.manifests.get(digest)
        blob = _BLOB.fullmatch(self.path)
        if body is None and blob:
            body, digest = self.kept.blobs.get(blob[2]), blob[2]
        if body is None:
            return self._answer(404)
        return self._answer(200, body, **{"Docker-Content-Digest": digest})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        upload = uuid.uuid4().hex
        self.kept.uploads[upload] = self._body()
        place = f"{self.path.partition('?')[0].rstrip('/')}/{upload}"
        self._answer(202, Location=place, Range="0-0")

    def do_PATCH(self) -> None:
        found = _UPLOAD.fullmatch(self.path)
        assert found is not None, self.path
        self.kept.uploads[found[2]] += self._body()
        self._answer(202, Location=self.path, Range=f"0-{len(self.kept.uploads[found[2]]) - 1}")

    def do_PUT(self) -> None:
        body = self._body()
        found = _MANIFEST.fullmatch(self.path)
        if found:
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.kept.manifests[digest] = body
            if not found[2].startswith("sha256:"):
                self.kept.tags[found[2]] = digest
            return self._answer(201, **{"Docker-Content-Digest": digest})
        upload = _UPLOAD.fullmatch(self.path)
        assert upload is not None, self.path
        whole = self.kept.uploads.pop(upload[2]) + body
        digest = f"sha256:{hashlib.sha256(whole).hexdigest()}"
        if digest != upload[3].replace("%3A", ":"):
            return self._answer(400)
        self.kept.blobs[digest] = whole
        return self._answer(201, **{"Docker-Content-Digest": digest})

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _answer(self, status: int, body: bytes = b"", /, **headers: Any) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if b'"mediaType"' in body[:400] or b'"schemaVersion"' in body:
            self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""
