"""Settings: what an operator may choose about a server, beyond the HTTP contract itself."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scoring.settings import Settings as Contract

if TYPE_CHECKING:
    from server.form import Form
    from server.route import Route

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the server waits for clients, in seconds.

    A body may take `body` and a further second for every 64 KiB that has come. `idle` is for a connection
    between two requests, `header` for the head of a request, `write` for a client that stopped reading.
    """

    header: float = 10.0
    body: float = 20.0
    idle: float = 75.0
    write: float = 30.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much one worker takes on at a time; more is answered with 429 and Retry-After.

    Attributes:
        scores: Score requests at work or waiting for a thread.
        contributions: The same for contributions, which cost about a hundred times a score.
        threads: Threads for large score requests; 0 shares the processors among the workers.
        contribution_threads: Threads for contributions.
        inline_bytes: Bodies up to this size are scored on the event loop, since a thread would cost more.
        buffered_bytes: Bytes of bodies in memory, of all requests together.
        connections: Open connections.
        header_bytes: Bytes of the head of a request.
    """

    scores: int = 64
    contributions: int = 8
    threads: int = 0
    contribution_threads: int = 1
    inline_bytes: int = 32 * 1024
    buffered_bytes: int = 256 * 1024 * 1024
    connections: int = 4096
    header_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        for name in ("scores", "contributions", "contribution_threads", "connections", "header_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"The setting {name} must be at least 1.")


@dataclass(frozen=True, slots=True)
class Secure:
    """TLS from PEM files; with `client_ca`, clients must show a certificate of that authority."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server.

    Attributes:
        path: The artifact; the file is watched.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one, which the log names.
        workers: Processes; 0 means one for each processor.
        contract: Settings of the HTTP contract: limits of requests, leniency, the id shown.
        keys: File with the digests of API keys; without one everybody may score.
        admin_keys: File with the digests of admin keys; without one the admin routes answer 404.
        data_dir: Directory below which `GET /model/score?file=` may read; None: no files.
        secure: TLS, or None.
        patience: How long to wait for clients.
        capacity: How much to take on at a time.
        watch_seconds: How often to look for a new artifact and new keys; 0: never.
        drain_seconds: How long to answer as usual, though no longer ready, after SIGTERM.
        grace_seconds: How long requests at work may then take.
        hang_seconds: How long a worker may not turn before it counts as hung and is replaced; 0: for ever.
        access_log: File for the log's lines; None: standard error.
        state: Directory that the workers share; None: one is made and removed.
        form: What the lines of the log look like; None: as `server.form.Plain` has them.
        guarded: Whether a platform in front lets in whom it should, and speaks TLS; then nobody is warned.
        labels: What the metrics say of this deployment, names of labels and values.
        spans: Whether each request is told of to OpenTelemetry; see `server.spans`.
        more: Makes further routes, such as a platform has; a function of a module, since workers import it.
    """

    path: Path
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 0
    contract: Contract = field(default_factory=Contract)
    keys: Path | None = None
    admin_keys: Path | None = None
    data_dir: Path | None = None
    secure: Secure | None = None
    patience: Patience = field(default_factory=Patience)
    capacity: Capacity = field(default_factory=Capacity)
    watch_seconds: float = 1.0
    drain_seconds: float = 0.25
    grace_seconds: float = 30.0
    hang_seconds: float = 30.0
    access_log: Path | None = None
    state: Path | None = None
    form: "Form | None" = None
    guarded: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    spans: bool = False
    more: "Callable[[], Iterable[Route]] | None" = None

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise ValueError(f"The port is {self.port}; it may be from 0 to 65535.")
        if self.workers < 0:
            raise ValueError(f"The number of workers is {self.workers}; it may be 0 or more.")

    @property
    def loopback(self) -> bool:
        """Whether only this host can reach the server."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    def processes(self) -> int:
        """Return how many workers there are."""
        return self.workers or processors()

    def threads(self) -> int:
        """Return how many threads a worker has for large score requests."""
        return self.capacity.threads or max(1, processors() // self.processes())
