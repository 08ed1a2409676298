"""Bodies that come compressed with gzip, unpacked as they arrive, with a limit on what comes out."""

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from scoring.body import too_large
from scoring.fault import refusal
from scoring.problem import Problem

_PIECE: Final = 64 * 1024
_BREATH: Final = 16
"""Pieces unpacked in a row before other calls get a turn."""


def is_packed(encoding: bytes | None) -> bool:
    """Tell whether a Content-Encoding is gzip; raises Problem `unsupported_media_type` for others."""
    name = (encoding or b"identity").strip().lower()
    if name in (b"gzip", b"x-gzip"):
        return True
    if name == b"identity":
        return False
    hint = "Send the body as it is, or compressed with gzip."
    raise refusal("unsupported_media_type", "The Content-Encoding is not gzip.", hint)


async def unpacked(pieces: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    """Give the content of a gzip body, in pieces of at most 64 KiB; memory does not grow with its size.

    Raises:
        Problem: `body_too_large` as soon as more than `limit` bytes came out; `malformed_body`.
    """
    unpacker = zlib.decompressobj(wbits=31)
    size = turns = 0
    fresh = True  # at the start of a member, of which a gzip file may have several
    async for piece in pieces:
        data = piece
        while data:
            if unpacker.eof:
                unpacker, fresh = zlib.decompressobj(wbits=31), True
            try:
                content = unpacker.decompress(data, _PIECE)
            except zlib.error:
                raise _malformed("The body is not gzip, or it is damaged.") from None
            fresh = False
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            size += len(content)
            if size > limit:
                raise too_large(limit)
            if content:
                yield content
            turns += 1
            if turns % _BREATH == 0:
                await asyncio.sleep(0)
            if not data and not unpacker.eof and len(content) == _PIECE:
                # All input is taken, but output may be waiting inside.
                while rest := unpacker.decompress(b"", _PIECE):
                    size += len(rest)
                    if size > limit:
                        raise too_large(limit)
                    yield rest
                data = unpacker.unused_data
    if fresh or not unpacker.eof:
        raise _malformed("The gzip body ends too soon.")


def _malformed(detail: str) -> Problem:
    return refusal("malformed_body", detail, "Send what `gzip` makes, or leave Content-Encoding out.")
