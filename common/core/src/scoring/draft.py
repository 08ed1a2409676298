"""Drafts: a file that appears under its name whole, or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from scoring.problem import Problem


@contextlib.contextmanager
def drafted(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path beside `path` to write to; it replaces `path` when the block ends well, else it vanishes.

    Raises Problem (`output_not_written`) for what the operating system refuses, inside the block too.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(target)
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise not_written(target, fault) from fault
    finally:
        draft.unlink(missing_ok=True)


def not_written(path: Path, fault: OSError) -> Problem:
    """Say which file the operating system refused to write, why, and what to do."""
    return Problem(
        "output_not_written",
        500,
        f"{str(path)!r} cannot be written: {(fault.strerror or str(fault)).lower()}.",
        "Choose a folder that exists, that you may write to and that has room.",
    )
