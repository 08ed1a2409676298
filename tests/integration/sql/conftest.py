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
from extension_server import tree, watched_attack  # noqa: E402

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


def _binaries() -> Path | None:
    """Find the server's programs; distributions keep them off the PATH."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return places[-1].parent if places else None


def _as_nobody(command: list[str], folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: take the user that owns the folder."""
    owner = pwd.getpwuid(folder.stat().st_uid).pw_name
    return command if os.getuid() else ["setpriv", "--reuid", owner, "--clear-groups", *command]


def _required() -> Path:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (pg_ctl was not found)")
    return binaries


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
    done = subprocess.run(
        _as_nobody([*make, "--locale=C"], folder), capture_output=True, text=True, check=False
    )
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
    with _server(_required()) as server:
        yield server


@contextmanager
def _extended(options: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    binaries = _required()
    folder = Path(tempfile.mkdtemp(prefix="pg-tree-"))
    try:
        with _server(tree(binaries, folder, options), environment) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def extended() -> Iterator[Postgres]:
    """A server of PostgreSQL into which the extension can be created."""
    with _extended({}) as server:
        yield server


@pytest.fixture(scope="session")
def sanitized() -> Iterator[Postgres]:
    """The same, with an extension that AddressSanitizer watches."""
    _required()
    found = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip("the compiler has no AddressSanitizer (libasan.so was not found)")
    options = {"ENGINE_OPTIMIZE": "-O1", "ENGINE_EXTRA": "-fsanitize=address -fno-omit-frame-pointer"}
    # Memory that PostgreSQL keeps until it ends is no leak of ours.
    watch = {"LD_PRELOAD": str(Path(found).resolve()), "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"}
    _check_watched(_required(), watch)
    with _extended(options, watch) as server:
        yield server


@pytest.fixture(scope="session")
def watched() -> Path:
    """A program that reads damaged artifacts and that AddressSanitizer watches."""
    return watched_attack(_required())


def _check_watched(binaries: Path, watch: Mapping[str, str]) -> None:
    """Skip where PostgreSQL does not start under AddressSanitizer: with some C libraries it hangs."""
    try:
        command = [str(binaries / "postgres"), "--version"]
        subprocess.run(command, env={**os.environ, **watch}, capture_output=True, timeout=10, check=True)
    except (subprocess.SubprocessError, OSError) as fault:
        pytest.skip(f"PostgreSQL does not run with AddressSanitizer preloaded here: {fault}")


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
