"""The server in the background: started, looked at and stopped by commands that may be repeated."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scoring.draft import drafted
from scoring.problem import Problem

from local_rest_scorer.keeper import INHERITED, stop_seconds
from local_rest_scorer.place import Place
from local_rest_scorer.probe import answers
from local_rest_scorer.rotation import tail
from local_rest_scorer.settings import given, seconds, url

READY_SECONDS: Final = 30.0
_LOOK: Final = 0.05
_EXTRA: Final = 5.0
_TAIL: Final = 20


def start(place: Place, pipeline: Path, environ: Mapping[str, str]) -> str:
    """Have a server run with these settings and this artifact; return its URL once it is ready.

    A server of the same owner that has other settings or another artifact is stopped first; one that has the
    same is left alone. Of the variables, `API_KEY` is kept as a digest only, `OWNER` says whose the server
    is, `PIPELINE_DIGEST` which artifact is meant, `READY_SECONDS` how long it may take.

    Raises:
        Problem: the place belongs to another owner, or the server did not get ready; then none runs.
    """
    place.make()
    with place.lock():
        before = place.read(place.wish)
        if place.process("supervisor") and before.get("owner", "") != environ.get("OWNER", ""):
            detail = f"Another deployment has a running server named {place.name!r} at {str(place.folder)!r}."
            raise Problem("name_taken", 409, detail, "Choose another name, or destroy that deployment first.")
        data = _artifact(pipeline, environ)
        wish, keys = _wish(place, hashlib.sha256(data).hexdigest(), environ)
        address = url(wish["environment"])
        mutual = "TLS_CLIENT_CA_FILE" in wish["environment"]
        if before == wish and _ready(place, address, mutual):
            return address
        _end(place)
        if keys is not None:
            _put(place.keys, keys.encode())
        _put(place.pipeline, data)
        _put(place.command, _command(place).encode(), 0o700)
        place.write(place.wish, wish)
        try:
            _begin(place, address, mutual, seconds(environ, "READY_SECONDS", READY_SECONDS))
        except BaseException:
            _end(place)
            raise
        _tidy(place)
        return address


def stop(place: Place, owner: str | None = None, remove: bool = False) -> bool:
    """Stop the server, gently at first; with `remove`, leave no file. Return whether there was a place.

    With an `owner`, a place of another one is left alone.
    """
    if not place.folder.is_dir():
        return False
    with place.lock():
        if owner is not None and place.read(place.wish).get("owner", owner) != owner:
            return False
        _end(place)
        if remove:
            place.remove()
    return True


def status(place: Place) -> dict[str, Any]:
    """Return how the server is; `state` is "running", "starting", "down" or "stopped"."""
    wish, state = place.read(place.wish), place.state()
    supervisor, server = place.process("supervisor"), place.process("server")
    if supervisor is None:
        word = "down" if state else "stopped"
    else:
        word = "running" if state.get("running") and server is not None else "starting"
    found: dict[str, Any] = {"name": place.name, "state": word, "folder": str(place.folder)}
    if wish:
        found |= {"url": url(wish["environment"]), "pipeline_digest": wish["pipeline_digest"]}
        found |= {"tags": wish["tags"]}
    if supervisor is not None:
        found |= {"supervisor_pid": supervisor.pid, "server_pid": server.pid if server else None}
        found["restarts"] = state.get("restarts", 0)
    return found


def _artifact(pipeline: Path, environ: Mapping[str, str]) -> bytes:
    try:
        data = pipeline.read_bytes()
    except OSError as error:
        detail = f"The artifact {str(pipeline)!r} cannot be read: {error.strerror}."
        raise Problem("artifact_unreadable", 503, detail, "Check the path and its permissions.") from None
    expected = environ.get("PIPELINE_DIGEST", "").strip()
    if expected and hashlib.sha256(data).hexdigest() != expected:
        detail = f"The artifact {str(pipeline)!r} has changed since this was planned."
        raise Problem("artifact_changed", 409, detail, "Plan again, and apply that plan.")
    return data


def _wish(place: Place, digest: str, environ: Mapping[str, str]) -> tuple[dict[str, Any], str | None]:
    """Return what shall run, and the content of the file of keys if we write it."""
    settings = given(environ)
    key, keys = environ.get("API_KEY", ""), None
    if key:
        if "API_KEYS_FILE" in settings:
            detail = "API_KEY and API_KEYS_FILE are both given."
            raise Problem("setting_invalid", 422, detail, "Give one of them.")
        keys = f"api-key {hashlib.sha256(key.encode()).hexdigest()}\n"
        settings["API_KEYS_FILE"] = str(place.keys)
    tags = dict(pair.split("=", 1) for pair in environ.get("TAGS", "").split("\n") if "=" in pair)
    wish = {
        "name": place.name,
        "owner": environ.get("OWNER", ""),
        "environment": settings,
        "key": hashlib.sha256(keys.encode()).hexdigest() if keys else None,
        "pipeline_digest": digest,
        "program": os.environ.get("PYTHONPATH") or sys.prefix,
        "tags": tags,
    }
    return wish, keys


def _ready(place: Place, address: str, mutual: bool) -> bool:
    running = place.state().get("running") and place.process("supervisor") and place.process("server")
    return bool(running) and answers(address, mutual=mutual)


def _begin(place: Place, address: str, mutual: bool, patience: float) -> None:
    """Start the keeper and wait until the server is ready; raises Problem with the end of the log."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    command = [sys.executable, "-P", "-m", "local_rest_scorer", "keep"]
    with place.log.open("ab") as log:
        keeper = subprocess.Popen(
            [*command, "--name", place.name, "--state-dir", str(place.folder.parent)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    end = time.monotonic() + patience
    try:
        while not _ready(place, address, mutual):
            late = time.monotonic() > end
            if late or keeper.poll() is not None:
                what = f"was not ready after {patience:g} seconds" if late else "could not start"
                detail = f"The server {place.name!r} {what}. The end of its log:\n{tail(place.log, _TAIL)}\n"
                hint = "Mend what the log says, or allow more time." if late else "Mend what the log says."
                raise Problem("server_not_ready", 503, detail, hint)
            time.sleep(_LOOK)
    finally:
        keeper.returncode = 0  # it lives on without us, which Popen would otherwise complain about


def _end(place: Place) -> None:
    """End the keeper and the server, and whatever a keeper that was killed has left behind."""
    supervisor, server = place.process("supervisor"), place.process("server")
    patience = stop_seconds(place.read(place.wish).get("environment", {}))
    if supervisor is not None:
        supervisor.end(patience + _EXTRA)
    if server is not None:
        server.end(patience, group=True)
    place.forget()


def _put(path: Path, data: bytes, mode: int = 0o600) -> None:
    with drafted(path) as draft:
        draft.touch(mode=mode)
        draft.chmod(mode)
        draft.write_bytes(data)


def _command(place: Place) -> str:
    """Return a shell script that runs this program for this place, whatever becomes of the package."""
    path = os.environ.get("PYTHONPATH")
    words = [sys.executable, "-P", "-m", "local_rest_scorer"]
    setting = f"PYTHONPATH={shlex.quote(path)} " if path else ""
    name = f"NAME={shlex.quote(place.name)} STATE_DIR={shlex.quote(str(place.folder.parent))} "
    return f'#!/bin/sh\n{name}{setting}exec {shlex.join(words)} "$@"\n'


def _tidy(place: Place) -> None:
    """Remove unpacked packages that this server does not run from."""
    current = os.environ.get("PYTHONPATH", "")
    for folder in place.program.glob("*") if place.program.is_dir() else ():
        if str(folder) != current:
            shutil.rmtree(folder, ignore_errors=True)
