"""LocalStack on this host, without a container engine: on a free port, gone with whoever started it."""

import http.client
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep

from lambda_sandbox import parts
from lambda_sandbox.memory import remove
from lambda_sandbox.sandbox import Runtime

VERSION = "3.11"  # the last LocalStack that runs on it is the one in the list of requirements
PLUGIN = Path(__file__).parents[2]
DROPPED = ("AWS_", "LOCALSTACK_", "TF_", "PYTHON", "SANDBOX_")


class LocalStack:
    """One LocalStack process, with its files in a folder of its own."""

    def __init__(
        self, requirements: Path, folder: Path, runtimes: Mapping[str, Runtime], *, port: int, endpoint: str
    ) -> None:
        """Prepare to listen on `port`; functions are told to find AWS at `endpoint`."""
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.folder = folder
        self.log = folder / "localstack.log"
        self.startup_s = float("nan")
        self._requirements = requirements
        self._runtimes = runtimes
        self._endpoint = endpoint
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "LocalStack":
        begin = monotonic()
        python = environment(self._requirements) / "bin" / "python"
        plugin = self.folder / "plugin"
        parts.install("--python", str(python), "--target", str(plugin), str(PLUGIN))
        self._start([str(python), "-m", "localstack.runtime.main"], plugin)
        self.startup_s = monotonic() - begin
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()  # unshare; its namespace, with LocalStack and every sandbox, goes with it
            self._process.wait(30)
        for log in (self.folder / "tmp" / "sandboxes").glob("sandbox-*.log"):
            remove(log.stem)
        for folder in ("tmp", "files", "plugin"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)

    def _start(self, command: list[str], plugin: Path) -> None:
        namespace = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *namespace, *command],
                env=self._environment(plugin),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        end = monotonic() + 120
        while not self._answers():
            if self._process.poll() is not None or monotonic() > end:
                self.__exit__()
                raise RuntimeError(
                    f"LocalStack did not start:\n{self.log.read_text(errors='replace')[-3000:]}"
                )
            sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/_localstack/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self, plugin: Path) -> dict[str, str]:
        here = {k: v for k, v in os.environ.items() if not k.startswith(DROPPED)}
        (self.folder / "tmp").mkdir(parents=True)
        runtimes = {
            name: {part: str(path) for part, path in asdict(runtime).items()}
            for name, runtime in self._runtimes.items()
        }
        place = f"127.0.0.1:{self.port}"
        return {
            **here,
            "DISABLE_EVENTS": "1",  # no usage statistics
            "DNS_ADDRESS": "0",  # no name server on port 53
            "FILESYSTEM_ROOT": str(self.folder / "files"),
            "GATEWAY_LISTEN": place,
            "LAMBDA_KEEPALIVE_MS": "600000",
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
            "LAMBDA_RUNTIME_EXECUTOR": "sandbox",
            "LOCALSTACK_HOST": place,
            "OVERRIDE_IN_DOCKER": "0",  # else a /.dockerenv makes it write to /var/lib
            "PYTHONPATH": str(plugin),
            "GATEWAY_SERVER": "loopback",
            "SANDBOX_AWS_ENDPOINT_URL": self._endpoint,
            "SANDBOX_RUNTIMES": json.dumps(runtimes),
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_CACHE_HOME": str(self.folder / "files" / "cache"),
        }


def environment(requirements: Path) -> Path:
    """Give the cached virtual environment that holds exactly the listed packages."""

    def make(folder: Path) -> None:
        command = [parts.uv(), "venv", "--quiet", "--relocatable", "--python", str(python), str(folder)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        parts.install(
            "--python", str(folder / "bin" / "python"), "--compile-bytecode", "-r", str(requirements)
        )

    python = parts.interpreter(f"python{VERSION}")
    return parts.kept("localstack", [requirements.read_text(), str(python)], make)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
