"""Outputs: a file that appears whole or not at all, or stdout."""

import contextlib
import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scoring import Problem

from scoring_cli.batch.source import STANDARD


@contextlib.contextmanager
def open_output(name: str) -> Iterator[BinaryIO]:
    """Open a file for writing; it gets its name when the block ends well, and vanishes on any exception.

    `-` is stdout, a name that ends in `.gz` is packed. What is no regular file (a pipe, /dev/null) is written
    directly.

    Raises:
        Problem: the file cannot be written.
    """
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        with _opened(name, path) as stream:
            yield stream
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _opened(name, part) as stream:
            yield stream
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _opened(name: str, path: Path) -> Iterator[BinaryIO]:
    try:
        raw = path.open("wb", buffering=1 << 20)
    except OSError as error:
        raise _not_written(name, error) from None
    try:
        with raw:
            if name.lower().endswith(".gz"):
                with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield raw
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise _not_written(name, error) from None


def _not_written(name: str, error: OSError) -> Problem:
    reason = (error.strerror or str(error)).lower()
    return Problem(
        "output_not_written",
        500,
        f"{name} cannot be written: {reason}.",
        "Choose a folder that exists, that you may write to and that has room.",
    )
