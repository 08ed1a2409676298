"""The door: where requests are turned away before anybody looks at them, when there is too much to do.

Turning a request away in the app costs about a quarter of answering a hundred rows; at twice the load that
the server can bear, a third of its time would go into refusals. Here it costs a tenth.
"""

from collections.abc import Callable, Mapping
from typing import Final

QUICK: Final = 2048
"""Bytes of a body up to which refusing a request costs about as much as answering it."""

PATHS: Final = (b"/model/", b"/v2/models/")
"""How the paths begin that are turned away; those of an operator are not."""


class Door:
    """Counts the requests of a worker that have come whole, are not small, and wait for their answers.

    `refuse` takes the headers of a request that is turned away, counts it, and returns the rest of its answer
    from the first header's line on; None before there is an app to ask.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.waiting = 0
        self.refuse: Callable[[Mapping[bytes, bytes]], bytes] | None = None

    def shut(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request with these headers is turned away now."""
        if self.waiting < self._most or self.refuse is None:
            return False
        return (announced(headers) or 0) > QUICK and b"expect" not in headers


def announced(headers: Mapping[bytes, bytes]) -> int | None:
    """Return the length of the body that a request announces, None if it does not."""
    length = headers.get(b"content-length")
    if length is None or not length.isdigit():
        return None
    return int(length.lstrip(b"0")[:20] or b"0")  # more digits than that are zeros, and int() has a limit
