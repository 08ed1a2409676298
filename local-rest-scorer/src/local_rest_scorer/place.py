"""Places: the directory of one server in the background, with all that it has and leaves.

| Entry | Content |
| --- | --- |
| `wish.json` | what shall run: settings, digest of the artifact, owner; no key |
| `state.json` | what runs: the process ids of supervisor and server, and how often the server was restarted |
| `pipeline` | the artifact, copied |
| `keys` | digests of API keys |
| `program/` | the unpacked package, if it was started from one |
| `scorer` | the command that stops this server, and shows how it is |
| `server.log`, `server.log.1` ... | the log |
| `shelf/` | what the server's processes share |
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from scoring.draft import drafted
from scoring.problem import Problem

from local_rest_scorer.process import Process

NAME: Final = "local-rest-scorer"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


def home(environ: Mapping[str, str]) -> Path:
    """Return the directory of all places of this user."""
    if environ.get("STATE_DIR", "").strip():
        return Path(environ["STATE_DIR"].strip()).expanduser().absolute()
    base = environ.get("XDG_STATE_HOME", "").strip() or "~/.local/state"
    return Path(base).expanduser().absolute() / NAME


class Place:
    """The directory of the server with this name."""

    def __init__(self, home: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            detail = (
                f"The name {name!r} may have small letters, digits and hyphens, and begins with a letter."
            )
            raise Problem("setting_invalid", 422, detail, "Choose another name.")
        self.name = name
        self.folder = home / name
        self.wish = self.folder / "wish.json"
        self.pipeline = self.folder / "pipeline"
        self.keys = self.folder / "keys"
        self.program = self.folder / "program"
        self.command = self.folder / "scorer"
        self.log = self.folder / "server.log"
        self.shelf = self.folder / "shelf"
        self._state = self.folder / "state.json"

    def make(self) -> None:
        """Make the directory, for this user alone; raises Problem."""
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            detail = f"The directory {str(self.folder)!r} cannot be made: {error.strerror}."
            raise Problem("state_unwritable", 500, detail, "Choose another state directory.") from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold off others who start or stop this server."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def read(self, path: Path) -> dict[str, Any]:
        """Return a JSON file of the place; {} if there is none."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a JSON file of the place, whole or not at all."""
        with drafted(path) as draft:
            draft.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def state(self) -> dict[str, Any]:
        """Return what the supervisor last wrote."""
        return self.read(self._state)

    def note(self, state: Mapping[str, Any]) -> None:
        """Write down how the server is."""
        self.write(self._state, state)

    def process(self, role: str) -> Process | None:
        """Return the process with the role "supervisor" or "server" if it is alive."""
        found = self.state().get(role)
        process = Process(found["pid"], found["started"]) if found else None
        return process if process is not None and process.alive else None

    def forget(self) -> None:
        """Remove what only a running server needs; log and wish stay."""
        shutil.rmtree(self.shelf, ignore_errors=True)
        self._state.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the directory, and the one above it if nothing else is there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()
