"""Serving: an artifact's path -> a server on a port, until somebody ends it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from scoring.problem import Problem

from server.keys import Keys
from server.log import to_person
from server.process import listen, work
from server.settings import Secure, Settings
from server.shelf import shelf
from server.supervisor import Supervisor


def serve(
    path: str | os.PathLike[str],
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 0,
    *,
    tls_cert: str | os.PathLike[str] | None = None,
    tls_key: str | os.PathLike[str] | None = None,
    tls_client_ca: str | os.PathLike[str] | None = None,
    **options: Any,
) -> int:
    """Serve an artifact until SIGTERM or SIGINT; return the exit code, which is 0 after either.

    `workers` is the number of processes, 0 for one a processor. `options` are further attributes of
    `server.settings.Settings`; values for `keys`, `admin_keys`, `data_dir` and `access_log` may be text.

    Raises:
        Problem: the artifact or the keys cannot be read, or the address cannot be had.
        ValueError: a setting has a value that it may not have.
    """
    secure = None
    if tls_cert is not None and tls_key is not None:
        secure = Secure(Path(tls_cert), Path(tls_key), None if tls_client_ca is None else Path(tls_client_ca))
    elif (tls_cert, tls_key, tls_client_ca) != (None, None, None):
        raise ValueError("TLS wants a certificate and its key.")
    for name in ("keys", "admin_keys", "data_dir", "access_log", "state"):
        if options.get(name) is not None:
            options[name] = Path(options[name])
    return run(Settings(Path(path), host, port, workers, secure=secure, **options))


def run(settings: Settings) -> int:
    """Serve with these settings; returns and raises as `serve` does."""
    _check(settings)
    count = settings.processes()
    sockets = []
    try:
        if count > 1:
            alone = listen(settings.host, settings.port, shared=False)
            alone.close()  # or a second server could come to share the port
        for _ in range(count):
            opened = listen(settings.host, settings.port, shared=count > 1)
            sockets.append(opened)
            settings = replace(settings, port=opened.getsockname()[1])
    except OSError as error:
        for opened in sockets:
            opened.close()
        detail = f"The address {settings.host}:{settings.port} cannot be had: {error.strerror}."
        raise Problem(
            "address_unavailable", 503, detail, "Choose another port, or stop who has it."
        ) from None
    with shelf(settings.state) as made:
        settings = replace(settings, state=made.folder)
        if count > 1:
            return Supervisor(settings, sockets).run()
        return int(work(settings, sockets[0]) != 0)


def _check(settings: Settings) -> None:
    """Find what would keep every worker from starting; warn of what is open to all."""
    if not settings.path.is_file():
        detail = f"There is no artifact at {str(settings.path)!r}."
        raise Problem(
            "artifact_unreadable", 503, detail, "Make one with `scoring experiment` or `scoring pack`."
        )
    for path in (settings.keys, settings.admin_keys):
        if path is not None and len(Keys(path)) == 0:
            to_person(f"WARNING: the file of keys {str(path)!r} has no key, so nobody will be let in.")
    if settings.data_dir is not None and not settings.data_dir.is_dir():
        detail = f"There is no directory {str(settings.data_dir)!r}."
        raise Problem("data_dir_missing", 503, detail, "Make it, or leave --data-dir out.")
    if settings.guarded:
        return
    if settings.keys is None and not settings.loopback:
        bar = "*" * 78
        to_person(
            f"{bar}\nWARNING: anybody who can reach {settings.host} can score: there are no API keys.\n"
            f"Make one with `scoring keys NAME >> keys`, then serve with --api-keys keys.\n{bar}"
        )
    if settings.secure is None and not settings.loopback:
        to_person("WARNING: keys and values travel in clear text; serve with --tls-cert and --tls-key.")
