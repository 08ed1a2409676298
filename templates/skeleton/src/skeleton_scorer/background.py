"""The background: a server that outlives the command that started it, in a directory of its own.

The directory holds `app.pipeline`, which the recipe has put there, and gets `log`, `pid` and `lock`. The
server holds the lock for as long as it lives, so a process number that the system gave to somebody else is
never taken for it.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from scoring.problem import Problem

ARTIFACT: Final = "app.pipeline"

_SECONDS: Final = 30.0
_LOOK: Final = 0.05


def start(folder: Path, environ: Mapping[str, str]) -> None:
    """Start the server of a directory and wait until it is ready; raises Problem with the end of its log."""
    log = folder / "log"
    with _opened(folder) as lock, log.open("ab") as file:
        if not _free(lock):
            raise Problem("server_running", 409, f"A server runs in {str(folder)!r}.", "Stop it first.")
        command = [sys.executable, "-P", "-m", "skeleton_scorer", "run", str(folder / ARTIFACT)]
        process = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            pass_fds=[lock.fileno()], start_new_session=True,
        )  # fmt: skip
    (folder / "pid").write_text(str(process.pid), "ascii")
    end = time.monotonic() + _SECONDS
    while not _ready(environ):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            process.wait()
            told = log.read_text("utf-8", "replace")[-2000:]
            raise Problem("server_not_ready", 503, f"The server did not start: {told}", f"See {log}.")
        time.sleep(_LOOK)
    process.returncode = 0  # it is nobody's child when this command ends


def stop(folder: Path) -> None:
    """End the server of a directory, if one runs: gently, and by force after a while."""
    if not (folder / "lock").exists():
        return
    with _opened(folder) as lock:
        for number in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + _SECONDS
            if not _free(lock):
                os.kill(int((folder / "pid").read_text("ascii")), number)
            while time.monotonic() < end:
                if _free(lock):
                    return
                time.sleep(_LOOK)
    raise Problem("server_running", 500, f"The server in {str(folder)!r} does not end.", "Look at its log.")


def _opened(folder: Path) -> IO[bytes]:
    return (folder / "lock").open("ab")


def _free(lock: IO[bytes]) -> bool:
    """Take the lock; return whether nobody else had it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ready(environ: Mapping[str, str]) -> bool:
    address = f"http://127.0.0.1:{environ.get('PORT') or 8080}/readyz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy reaches this very host
    try:
        with opener.open(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
