"""A program run to its end: its output followed line by line, and interrupts passed on to it once."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.1
"""Seconds between two looks at the output of a program."""


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str


def run(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    each: Callable[[str], None] | None = None,
) -> Ended:
    """Run a program in `folder` and wait for it; `each` gets the lines of its stdout as they come.

    The program has a process group of its own: Ctrl-C reaches this process alone, which passes it on, so
    that the program is asked to stop once and may end in good order. It writes to files, not to pipes: if
    this process is killed, it goes on to its own end.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            list(words),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            process_group=0,
        )
        stopped = _follow(process, out.fileno(), each)
        if stopped is not None:
            raise stopped
        return Ended(process.returncode, _whole(out.fileno()), _whole(err.fileno()))


def _follow(
    process: "subprocess.Popen[bytes]", source: int, each: Callable[[str], None] | None
) -> BaseException | None:
    """Wait for the end of the process; gives back the interrupt that came meanwhile, if any."""
    place, rest = 0, b""
    stopped: BaseException | None = None
    while True:
        try:
            ended = process.poll() is not None
            # pread: the position of the file is the program's, and must not be moved.
            while chunk := os.pread(source, 1 << 16, place):
                place += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                if each is not None and stopped is None:
                    for line in lines:
                        each(line.decode(errors="replace"))
            if ended:
                return stopped
            with suppress(subprocess.TimeoutExpired):
                process.wait(PAUSE)
        except (KeyboardInterrupt, SystemExit) as interrupt:
            stopped = stopped or interrupt
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        except BaseException as fault:  # a callback failed: the program is stopped in good order, too
            if stopped is not None:
                raise
            stopped = fault
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)


def _whole(source: int) -> str:
    chunks, place = [], 0
    while chunk := os.pread(source, 1 << 20, place):
        chunks.append(chunk)
        place += len(chunk)
    return b"".join(chunks).decode(errors="replace")
