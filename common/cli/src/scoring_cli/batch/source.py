"""Where rows come from and in which format: a path or stdin, plain or gzip."""

import gzip
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from scoring import Problem

from scoring_cli.batch.fault import bad_file

STANDARD: Final = "-"
"""The name that stands for stdin or stdout."""

FORMATS: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
"""Format by a file name's extension; `.gz` after it is allowed for text."""

DELIMITERS: Final = {"csv": b",", "tsv": b"\t"}

_BLOCK: Final = 1 << 16


def format_of(name: str, given: str | None) -> str:
    """Return the format of a file by its name, or the given one for stdin and stdout (csv unless given).

    Raises:
        Problem: the extension is not one of FORMATS, or the given format is none.
    """
    if given is not None and given not in set(FORMATS.values()):
        raise Problem("unknown_format", 400, f"There is no format {given!r}.", f"Formats: {_names()}.")
    if name == STANDARD:
        return given or "csv"
    path = Path(name)
    ending = path.suffix.lower()
    if ending == ".gz":
        ending = Path(path.stem).suffix.lower()
        if FORMATS.get(ending) == "parquet":
            raise Problem(
                "unknown_format",
                400,
                f"{name}: Parquet is compressed inside; it is not wrapped in gzip.",
                "Unpack it with gunzip, or name the output .parquet.",
            )
    if ending in FORMATS:
        return FORMATS[ending]
    if given is not None:
        return given
    raise Problem(
        "unknown_format",
        400,
        f"{name}: the extension {ending or '(none)'!r} names no format.",
        f"Use one of {', '.join(FORMATS)} (text may end in .gz too), or say --format {_names('|')}.",
    )


def _names(joint: str = ", ") -> str:
    return joint.join(dict.fromkeys(FORMATS.values()))


@dataclass
class Source:
    """An open file of rows."""

    name: str
    """What messages call it."""
    raw: BinaryIO
    """The bytes as stored; its position tells the progress."""
    stream: BinaryIO
    """The bytes of the text, unpacked if need be."""
    size: int | None
    """Bytes as stored, None for a pipe."""

    def close(self) -> None:
        """Close the file; stdin stays open."""
        self.stream.close()
        if self.raw is not sys.stdin.buffer:
            self.raw.close()


def open_source(name: str) -> Source:
    """Open a path or stdin for reading; gzip is recognised by its first bytes.

    Raises:
        Problem: there is no such file, or it cannot be read.
    """
    if name == STANDARD:
        raw: BinaryIO = sys.stdin.buffer
        return Source("stdin", raw, _unpacked(raw), None)
    path = Path(name)
    try:
        raw = path.open("rb", buffering=_BLOCK)
        size = path.stat().st_size if path.is_file() else None
    except FileNotFoundError:
        raise bad_file(name, "does not exist.", _similar(path), "no_such_file") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise bad_file(name, f"cannot be read: {reason}.", "Check the path and its permissions.") from None
    return Source(name, raw, _unpacked(raw), size)


def _unpacked(raw: BinaryIO) -> BinaryIO:
    buffered = cast("io.BufferedReader", raw)  # what open() and stdin give
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        return cast("BinaryIO", io.BufferedReader(gzip.GzipFile(fileobj=raw), _BLOCK))
    return raw


def _similar(path: Path) -> str:
    from scoring.spelling import nearest

    try:
        near = nearest(path.name, (entry.name for entry in path.parent.iterdir()))
    except OSError:
        return f"There is no directory {path.parent}."
    return f"Did you mean {path.parent / near}?" if near else "Check the path."
