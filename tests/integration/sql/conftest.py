"""Real database servers, started for the tests and gone with them."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from extension_models import Trained, train  # noqa: E402
from extension_server import WATCHED, tree, watched_attack  # noqa: E402
from postgres_release import Release, find, first  # noqa: E402
from sanitizer import watch  # noqa: E402

START_SECONDS = 30.0


@dataclass(frozen=True)
class Postgres:
    """A server of PostgreSQL that listens on a socket in `folder` alone, and trusts who can reach it."""

    binaries: Path
    folder: Path
    port: int
    user: str = "postgres"
    environment: Mapping[str, str] | None = None

    @property
    def url(self) -> str:
        """A connection string of the database `postgres`, without a password."""
        return f"host={self.folder} port={self.port} user={self.user} dbname=postgres"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def database(self, name: str) -> str:
        """Make a database, new; give its connection string."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        return self.url.replace("dbname=postgres", f"dbname={name}")

    def control(self, *words: str) -> None:
        """Run pg_ctl."""
        command = [str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *words]
        more = {**os.environ, **(self.environment or {})}
        done = subprocess.run(
            _as_nobody(command, self.folder), capture_output=True, text=True, check=False, env=more
        )
        log = self.folder / "log"
        assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")

    def start(self) -> None:
        settings = (
            f"-k {self.folder} -p {self.port} -c listen_addresses='' -c fsync=off -c max_connections=60"
        )
        self.control("-l", str(self.folder / "log"), "-o", settings, "start")

    def stop(self, mode: str = "fast") -> None:
        self.control("-m", mode, "stop")


def _as_nobody(command: list[str], folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: take the user that owns the folder."""
    owner = pwd.getpwuid(folder.stat().st_uid).pw_name
    return command if os.getuid() else ["setpriv", "--reuid", owner, "--clear-groups", *command]


def _required() -> Release:
    release = first()
    if release is None:
        pytest.skip("PostgreSQL's server is not installed (pg_ctl was not found)")
    return release


@contextmanager
def _server(binaries: Path, environment: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """Start a server of these programs on data of its own."""
    # The path of a socket may have a hundred characters, which pytest's own folders exceed.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if not os.getuid():
        shutil.chown(folder, "nobody")
    folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Postgres(binaries, folder, port, environment=environment)
    data = str(folder / "data")
    make = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    more = {**os.environ, **(environment or {})}
    command = _as_nobody([*make, "--locale=C"], folder)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=more)
    assert done.returncode == 0, done.stdout + done.stderr
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of PostgreSQL."""
    with _server(_required().binaries) as server:
        yield server


@contextmanager
def _extended(
    release: Release, options: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="pg-tree-"))
    folder.chmod(0o755)  # for the server's user
    more = dict(environment or {})
    if release.libraries is not None:
        shutil.copytree(release.libraries, folder / "libraries")
        more["LD_LIBRARY_PATH"] = str(folder / "libraries")
    try:
        with _server(tree(release.binaries, folder / "tree", options), more) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def extended(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of PostgreSQL into which the extension can be created; a parameter names its release."""
    major: int | None = getattr(request, "param", None)
    release = _required()
    if major == release.major:
        pytest.skip(f"PostgreSQL {major} is the one that all tests run with")
    if major is not None:
        other = find(major)
        if other is None:
            pytest.skip(f"PostgreSQL {major} is not installed with its headers for servers")
        release = other
    with _extended(release) as server:
        yield server


@pytest.fixture(scope="session")
def sanitized() -> Iterator[Postgres]:
    """The same, with an extension that AddressSanitizer and UndefinedBehaviorSanitizer watch."""
    release = _required()
    with tempfile.TemporaryDirectory() as folder, _extended(release, WATCHED, watch(Path(folder))) as server:
        yield server


@pytest.fixture(scope="session")
def watched() -> Path:
    """A program that reads damaged artifacts and that the sanitizers watch."""
    return watched_attack(_required().binaries)


@dataclass(frozen=True)
class MariaDB:
    """A server of MariaDB that listens on a socket alone, without a password."""

    socket: Path
    user: str = "root"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A server of MariaDB."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("MariaDB's server is not installed (mariadbd was not found)")
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    folder.chmod(0o755)
    user = ["--user=root"] if not os.getuid() else []
    common = [f"--datadir={folder / 'data'}", *user]
    made = subprocess.run(
        [install, "--no-defaults", *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, "--no-defaults", *common, f"--socket={folder / 'socket'}", "--skip-networking",
             "--max-allowed-packet=64M", f"--pid-file={folder / 'pid'}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while not (folder / "socket").exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)
    yield MariaDB(folder / "socket")
    process.terminate()
    process.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database(extended: Postgres) -> str:
    """A connection string of a database that has the extension."""
    url = extended.database("extension")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION scoring")
    return url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    """A session in that database."""
    with psycopg.connect(database, autocommit=True) as made:
        yield made


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Trained]:
    """Train a pipeline, once."""
    known: dict[str, Trained] = {}

    def make(objective: str, labels: list[str] | None = None, rounds: int = 30) -> Trained:
        key = f"{objective} {labels} {rounds}"
        if key not in known:
            known[key] = train(tmp_path_factory.mktemp("made"), objective, labels, rounds)
        return known[key]

    return make
