"""Real database servers, started for the tests and gone with them."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

START_SECONDS = 30.0


@dataclass(frozen=True)
class Postgres:
    """A server of PostgreSQL that listens on a socket in `folder` alone, and trusts who can reach it."""

    binaries: Path
    folder: Path
    port: int
    user: str = "postgres"

    @property
    def url(self) -> str:
        """A connection string of the database `postgres`, without a password."""
        return f"host={self.folder} port={self.port} user={self.user} dbname=postgres"

    def connect(self, **options: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True, **options)

    def database(self, name: str) -> str:
        """Make a database, new; give its connection string."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        return self.url.replace("dbname=postgres", f"dbname={name}")

    def control(self, *words: str) -> None:
        """Run pg_ctl."""
        command = [str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *words]
        done = subprocess.run(_as_nobody(command, self.folder), capture_output=True, text=True, check=False)
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of PostgreSQL."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (pg_ctl was not found)")
    # The path of a socket may have a hundred characters, which pytest's own folders exceed.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if not os.getuid():
        shutil.chown(folder, "nobody")
    folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Postgres(binaries, folder, port)
    data = str(folder / "data")
    make = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    done = subprocess.run(
        _as_nobody([*make, "--locale=C"], folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


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
