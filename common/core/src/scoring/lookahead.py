"""Reading ahead: the next piece is got by a thread while the caller works on this one."""

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(pieces: Iterable[T], beside: bool = True) -> Generator[T]:
    """Give the pieces, none of which is None; if `beside`, a thread gets the next one meanwhile."""
    if not beside:
        yield from pieces
        return
    iterator = iter(pieces)
    with ThreadPoolExecutor(1, "read") as reading:
        following = reading.submit(next, iterator, None)
        while (piece := following.result()) is not None:
            following = reading.submit(next, iterator, None)
            yield piece
