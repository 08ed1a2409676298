"""The server in the foreground: for a terminal, a container, a service unit, and under our own supervisor."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local_rest_scorer.settings import options

_LOOK: Final = 1.0


def run(
    pipeline: Path, environ: Mapping[str, str], state: Path | None = None, parent: int | None = None
) -> int:
    """Serve an artifact until SIGTERM or SIGINT; return the exit code, which is 0 after either.

    `state` is a directory that outlives the process (see `server.settings.Settings`). If `parent` is given,
    the server ends when the process with that id does.

    Raises:
        Problem: a setting, the artifact or the keys are no good, or the address cannot be had.
    """
    from server.__main__ import start

    if parent is not None:
        threading.Thread(target=_outlive, args=(parent,), daemon=True).start()
    chosen = options(environ)
    if state is not None:
        chosen["state"] = state
    return start(pipeline, **chosen)


def _outlive(parent: int) -> None:
    """End this process, gently, once its parent is another one."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
