"""Text in blocks of whole records, so that a file of any size is read in bounded memory."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from gzip import BadGzipFile
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from scoring_cli.batch.fault import bad_file
from scoring_cli.batch.source import Source

if TYPE_CHECKING:
    import io

SIZE: Final = 4 << 20
"""Bytes read at a time. Larger blocks are no faster and cost memory."""

LONGEST: Final = 64 << 20
"""Bytes of the longest record that is believed; more means that a quote was left open."""

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records."""

    data: bytes
    line: int
    """Number of the line that `data` begins with, counted from 1."""


def blocks(source: Source, complete: Callable[[bytes], int], size: int = SIZE) -> Iterator[Block]:
    """Read a source in blocks of about `size` bytes; `complete` says how many bytes are whole records.

    The last record gets a line feed if it has none; a byte order mark is dropped.

    Raises:
        Problem: the text is not UTF-8 or not readable, or a record does not end.
    """
    rest, line = b"", 1
    for chunk in _chunks(source, size):
        data = rest + chunk if rest else chunk
        if line == 1:
            if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise bad_file(
                    source.name, "is UTF-16, not UTF-8.", "Save it as UTF-8 and try again.", "not_utf8"
                )
            data = data.removeprefix(_BOM)
        cut = complete(data)
        if cut:
            rest = data[cut:]
            block = Block(data[:cut] if rest else data, line)
            _check_utf8(source.name, block)
            yield block
            line += block.data.count(b"\n")
        else:
            rest = data
            _check_length(source.name, rest, line)
    if rest:
        last = Block(rest + b"\n", line)
        _check_utf8(source.name, last)
        if complete(last.data) != len(last.data):
            raise bad_file(
                source.name,
                f"ends inside a quoted cell; the record begins at line {_open_line(last, complete)}.",
                "Close the quote, or double it if it belongs to the text.",
                "open_quote",
            )
        yield last


def _chunks(source: Source, size: int) -> Iterator[bytes]:
    try:
        while chunk := b"".join(_pieces(source.stream, size)):
            yield chunk
    except (EOFError, BadGzipFile, zlib.error):
        raise bad_file(
            source.name, "is gzip, but damaged or cut off.", "Copy it again, in binary mode.", "damaged_gzip"
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise bad_file(source.name, f"cannot be read: {reason}.", "Check the path.") from None


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Read about `size` bytes in the pieces that come; one long read of a pipe would not notice a Ctrl-C."""
    buffered = cast("io.BufferedReader", stream)
    while size > 0 and (piece := buffered.read1(size)):
        yield piece
        size -= len(piece)


def _open_line(block: Block, complete: Callable[[bytes], int]) -> int:
    return block.line + block.data.count(b"\n", 0, complete(block.data))


def _check_length(name: str, data: bytes, line: int) -> None:
    if b"\n" not in data and data.count(b"\r") > 1:
        hint = "Save it with line feeds, for instance: tr '\\r' '\\n' < old > new."
        raise bad_file(name, "ends its lines with carriage returns alone.", hint, "carriage_returns")
    if len(data) > LONGEST:
        raise bad_file(
            name,
            f"has a record of more than {LONGEST >> 20} MB that begins at line {line}.",
            "A quote may have been left open there.",
            "open_quote",
        )


def _check_utf8(name: str, block: Block) -> None:
    if block.data.isascii():
        return
    try:
        block.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = block.line + block.data.count(b"\n", 0, error.start)
        raise bad_file(
            name,
            f"is not UTF-8: line {line} has the byte 0x{block.data[error.start]:02X}.",
            "Save it as UTF-8, for instance: iconv -f LATIN1 -t UTF-8 old > new.",
            "not_utf8",
        ) from None
