"""Messages of the Arrow IPC stream format, cut from bytes as they arrive.

Framing as in the Arrow columnar format, "Encapsulated message format": a continuation marker, the size of the
metadata, the metadata (a flatbuffer `Message`), then `bodyLength` bytes of body. pyarrow reads messages but
blocks until they are there, so a stream that arrives bit by bit has to be cut by its caller.
"""

import struct
from dataclasses import dataclass
from typing import Final

SCHEMA: Final = 1
DICTIONARY: Final = 2
BATCH: Final = 3

_CONTINUATION: Final = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Message:
    """A message: what it carries, whether its buffers are compressed, and its bytes, framing included."""

    kind: int
    compressed: bool
    body: int
    data: bytes


class Framing:
    """Cuts messages of at most `most` bytes; raises ValueError if the bytes are no Arrow stream."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = bytearray()
        self.ended = False
        """Whether the end of the stream was marked."""

    @property
    def empty(self) -> bool:
        """Whether no part of a message is left over."""
        return not self._rest

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete with these bytes.

        Raises:
            OverflowError: a message is larger than allowed.
        """
        self._rest += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        rest = self._rest
        if self.ended or len(rest) < 8:
            return None
        if rest[:4] != _CONTINUATION:
            raise ValueError("no continuation marker")
        (size,) = struct.unpack_from("<i", rest, 4)
        if size == 0:
            self.ended = True
            self._rest.clear()
            return None
        if size < 0 or size % 8:
            raise ValueError("a size that cannot be")
        if size > self._most:
            raise OverflowError
        if len(rest) < 8 + size:
            return None
        try:
            kind, compressed, body = _metadata(bytes(rest[8 : 8 + size]))
        except struct.error:
            raise ValueError("metadata that end too soon") from None
        if body < 0:
            raise ValueError("a length that cannot be")
        if body > self._most:
            raise OverflowError
        whole = 8 + size + body
        if len(rest) < whole:
            return None
        data = bytes(rest[:whole])
        del rest[:whole]
        return Message(kind, compressed, body, data)


def _metadata(data: bytes) -> tuple[int, bool, int]:
    """Return the kind of a message, whether its buffers are compressed, and the length of its body."""
    (root,) = struct.unpack_from("<I", data, 0)
    kind = _at(data, root, 1, "<B")
    body = _at(data, root, 3, "<q")
    compressed = False
    header = _slot(data, root, 2)
    if header and kind in (DICTIONARY, BATCH):
        batch = header + struct.unpack_from("<I", data, header)[0]
        if kind == DICTIONARY:  # a record batch within
            inner = _slot(data, batch, 1)
            batch = inner + struct.unpack_from("<I", data, inner)[0] if inner else 0
        compressed = bool(batch and _slot(data, batch, 3))
    return kind, compressed, body


def _at(data: bytes, table: int, field: int, layout: str) -> int:
    place = _slot(data, table, field)
    return int(struct.unpack_from(layout, data, place)[0]) if place else 0


def _slot(data: bytes, table: int, field: int) -> int:
    """Return where a field of a flatbuffer table is, 0 if it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    layout = table - back
    if layout < 0:
        raise struct.error
    (size,) = struct.unpack_from("<H", data, layout)
    place = 4 + 2 * field
    if place + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", data, layout + place)
    return table + offset if offset else 0
