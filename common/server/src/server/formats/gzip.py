"""Bodies that come compressed with gzip, unpacked as they arrive."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from scoring.inflate import Inflater

_BREATH: Final = 16
"""Pieces unpacked in a row before other calls get a turn."""


async def unpacked(pieces: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    """Give the content of a gzip body, in pieces of at most 64 KiB; memory does not grow with its size.

    Raises:
        Problem: `body_too_large` as soon as more than `limit` bytes came out; `malformed_body`.
    """
    inflater = Inflater(limit)
    turns = 0
    async for piece in pieces:
        for content in inflater.feed(piece):
            yield content
            turns += 1
            if turns % _BREATH == 0:
                await asyncio.sleep(0)
    inflater.close()
