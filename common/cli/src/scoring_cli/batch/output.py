"""Outputs: a file that appears whole or not at all, or stdout."""

import contextlib
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scoring.draft import drafted, not_written

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
        try:
            with _opened(path, packed=False) as stream:
                yield stream
        except BrokenPipeError:
            raise
        except OSError as fault:
            raise not_written(path, fault) from fault
        return
    with drafted(path) as draft, _opened(draft, packed=name.lower().endswith(".gz")) as stream:
        yield stream


@contextlib.contextmanager
def _opened(path: Path, packed: bool) -> Iterator[BinaryIO]:
    with path.open("wb", buffering=1 << 20) as raw:
        if packed:
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packing:
                yield packing  # type: ignore[misc]
        else:
            yield raw
