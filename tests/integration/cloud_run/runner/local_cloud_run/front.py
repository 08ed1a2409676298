"""The front end: TLS, callers, limits and time-outs as Google's has them, one request a connection."""

import asyncio
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BODY_BYTES = 32 * 1024 * 1024
RESERVED = re.compile(r"/([^/?]*z|eventlog.*|_ah/.*)(\?.*)?")
"""Paths that Google answers itself: probes reach them inside the container, callers do not."""


@dataclass(frozen=True)
class Request:
    """What a caller sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def forwarded(self) -> bytes:
        """Return it as an instance gets it."""
        trace, span = secrets.token_hex(16), secrets.randbits(32)
        more = {
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-proto": "https",
            "x-cloud-trace-context": f"{trace}/{span};o=1",
            "traceparent": f"00-{trace}-{span:016x}-01",
            "connection": "close",
        }
        headers = {**more, **self.headers, "connection": "close"}
        headers.pop("transfer-encoding", None)
        headers["content-length"] = str(len(self.body))
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            *(f"{name}: {text}" for name, text in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class RefusedError(Exception):
    """The front end answers by itself."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason = status, reason

    def answer(self) -> bytes:
        page = f"<html><title>{self.status} {self.reason}</title></html>".encode()
        head = f"HTTP/1.1 {self.status} {self.reason}\r\ncontent-type: text/html\r\nconnection: close\r\n"
        return f"{head}content-length: {len(page)}\r\n\r\n".encode() + page


Handler = Callable[[Request], Awaitable[bytes]]


async def listen(handler: Handler, certificate: Path | None) -> asyncio.Server:
    """Listen on a free port of the loopback interface; with TLS if there is a certificate with its key."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            try:
                answer = await handler(await _read(reader))
            except RefusedError as refused:
                answer = refused.answer()
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the caller has gone
        finally:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:-1])}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = await _chunks(reader)
    else:
        length = int(headers.get("content-length", 0))
        if length > BODY_BYTES:
            while length > 0 and (piece := await reader.read(min(length, BODY_BYTES))):
                length -= len(piece)  # or the caller would not come to read the answer
            raise RefusedError(413, "Request Entity Too Large")
        body = await reader.readexactly(length)
    if RESERVED.fullmatch(path):
        raise RefusedError(404, "Not Found")
    return Request(method, path, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
        if sum(map(len, pieces)) > BODY_BYTES:
            raise RefusedError(413, "Request Entity Too Large")
    await reader.readline()
    return b"".join(pieces)
