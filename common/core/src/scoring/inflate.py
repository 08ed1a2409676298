"""Bodies that come compressed with gzip, unpacked piece by piece, with a limit on what comes out."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from scoring.body import too_large
from scoring.fault import refusal
from scoring.problem import Problem

_PIECE: Final = 64 * 1024


def is_packed(encoding: str | None) -> bool:
    """Tell whether a Content-Encoding is gzip; raises Problem `unsupported_media_type` for others."""
    name = (encoding or "identity").strip().lower()
    if name in ("gzip", "x-gzip"):
        return True
    if name == "identity":
        return False
    hint = "Send the body as it is, or compressed with gzip."
    raise refusal("unsupported_media_type", "The Content-Encoding is not gzip.", hint)


class Inflater:
    """Unpacks a gzip body of one member or several; its content may have `limit` bytes, None: any number."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._size = 0
        self._unpacker = zlib.decompressobj(wbits=31)
        self._fresh = True  # at the start of a member

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what comes out of some more bytes, in pieces of at most 64 KiB.

        Raises:
            Problem: `body_too_large` as soon as more than the limit came out; `malformed_body`.
        """
        while data:
            if self._unpacker.eof:
                self._unpacker, self._fresh = zlib.decompressobj(wbits=31), True
            try:
                content = self._unpacker.decompress(data, _PIECE)
            except zlib.error:
                raise _malformed("The body is not gzip, or it is damaged.") from None
            self._fresh = False
            data = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail
            while content:
                self._size += len(content)
                if self._limit is not None and self._size > self._limit:
                    raise too_large(self._limit)
                yield content
                full = not data and not self._unpacker.eof and len(content) == _PIECE
                # All input is taken, but output may be waiting inside.
                content = self._unpacker.decompress(b"", _PIECE) if full else b""
                if full and self._unpacker.eof:
                    data = self._unpacker.unused_data

    def close(self) -> None:
        """Say that nothing follows; raises Problem `malformed_body` if the body is not whole."""
        if self._fresh or not self._unpacker.eof:
            raise _malformed("The gzip body ends too soon.")


def unpacked(pieces: Iterable[bytes], limit: int | None = None) -> Iterator[bytes]:
    """Give the content of a gzip body in pieces of at most 64 KiB; raises Problem as `Inflater` does."""
    inflater = Inflater(limit)
    for piece in pieces:
        yield from inflater.feed(piece)
    inflater.close()


def _malformed(detail: str) -> Problem:
    return refusal("malformed_body", detail, "Send what `gzip` makes, or leave Content-Encoding out.")
