"""One Lambda execution environment: the runtime emulator, isolated as the real one is."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from lambda_sandbox.memory import Memory

USER = 993  # the number that Lambda gives the sandbox's user; it needs no name here
PATH = "/2015-03-31/functions/function/invocations"
SCRIPT = Path(__file__).with_name("isolate.sh")


@dataclass(frozen=True)
class Runtime:
    """Where AWS's parts lie: emulator, a folder with the runtime client, and an interpreter."""

    emulator: Path  # the aws-lambda-rie binary
    client: Path  # holds awslambdaric and boto3, as /var/runtime does
    python: Path  # PREFIX/bin/python3.11; PREFIX becomes /var/lang


@dataclass(frozen=True)
class Function:
    """What Lambda would be told of a function."""

    code: Path  # the unzipped package
    handler: str
    name: str = "function"
    variables: Mapping[str, str] = field(default_factory=dict)
    layers: Path | None = None  # the layers, unzipped over each other
    memory_mb: int = 512
    timeout_s: int = 30
    scratch_mb: int = 512


class SandboxError(RuntimeError):
    """The sandbox did not start, or has ended."""


def unavailable() -> str | None:
    """Say why no sandbox can be made here, or nothing where one can."""
    for program in ("unshare", "setpriv", "mount", "bash"):
        if shutil.which(program) is None:
            return f"{program} (util-linux, bash) is not installed"
    probe = "mount -t tmpfs tmpfs /tmp && exec setpriv --reuid 993 --regid 993 --clear-groups true"
    command = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "bash", "-c", probe]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        return f"namespaces cannot be made here (root is needed): {done.stderr.strip() or done.returncode}"
    return None


class Sandbox:
    """A cold environment; the first invocation pays for the function's init, later ones are warm.

    `tied` ends the sandbox with the thread that starts it, however that thread ends: right for a test, and
    wrong for a pool of threads that come and go.
    """

    def __init__(self, function: Function, runtime: Runtime, *, home: Path, tied: bool) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.function = function
        self.runtime = runtime
        self.folder = Path(tempfile.mkdtemp(prefix="sandbox-", dir=home))
        self.log = home / f"{self.folder.name}.log"
        self.memory = Memory(self.folder.name, function.memory_mb)
        self.port = 0
        self._tied = tied
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Sandbox":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout_s: float = 30) -> None:
        """Start the emulator and wait until it listens; it loads the function with the first event."""
        try:
            for attempt in range(3):
                if self._started(timeout_s):
                    return
                if attempt == 2:  # twice is a port that somebody else took in between
                    raise SandboxError(f"the emulator ended at once: {self.text()[-2000:]}")
        except BaseException:
            self.stop()
            raise

    def invoke(self, event: bytes, trace: str = "") -> tuple[int, bytes, dict[str, str]]:
        """Post one event; gives status, body and headers as the emulator sent them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.function.timeout_s + 30)
        try:
            headers = {"content-type": "application/json", **({"x-amzn-trace-id": trace} if trace else {})}
            connection.request("POST", PATH, body=event, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        except (OSError, http.client.HTTPException) as error:
            raise SandboxError(f"the sandbox has ended: {error!r}") from error
        finally:
            connection.close()

    def runtimes(self) -> list[int]:
        """Give the process ids, as seen from here, of the function's own Python in this sandbox."""
        if self._process is None:
            return []
        found, pending = [], [self._process.pid]
        while pending:
            pid = pending.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                pending.extend(int(child) for child in _content(task).split())
            if _content(Path(f"/proc/{pid}/cmdline")).startswith(b"/var/lang/bin/"):
                found.append(pid)
        return found

    def kill_runtime(self) -> None:
        """Kill the function's process, not the sandbox, as the kernel does when memory runs out."""
        for pid in self.runtimes():
            os.kill(pid, signal.SIGKILL)

    def text(self) -> str:
        """Give what emulator and function have written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self) -> None:
        """End every process of the sandbox and remove its folder; the log stays."""
        if self._process is not None:
            # unshare's death ends the first process of the namespace, and the kernel all others in it
            self._process.kill()
            self._process.wait(10)
            self._process = None
        self.memory.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _started(self, timeout_s: float) -> bool:
        self.port, api = _free_ports()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(api),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        end = monotonic() + timeout_s
        while monotonic() < end:
            if self._process.poll() is not None:
                return False
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            sleep(0.005)
        raise SandboxError(f"the emulator did not listen within {timeout_s} s: {self.text()[-2000:]}")

    def _command(self, api: int) -> list[str]:
        python = f"/var/lang/bin/{self.runtime.python.name}"
        tie = ["setpriv", "--pdeathsig", "KILL"] if self._tied else []
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        # The kernel forgets a death signal when the user changes, so it is asked for again there.
        user = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--inh-caps=-all"]
        rights = ["--bounding-set=-all", "--no-new-privs", "--pdeathsig", "KILL"]
        emulator = ["/proc/self/fd/9", "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"]
        listen = ["--runtime-api-address", f"127.0.0.1:{api}", "--log-level", "warn"]
        client = [python, "-s", "-S", "-m", "awslambdaric", self.function.handler]
        return [*tie, *namespaces, "bash", str(SCRIPT), *user, *rights, *emulator, *listen, *client]

    def _environment(self) -> dict[str, str]:
        function, version = self.function, self.runtime.python.name
        paths = ["/var/task", f"/opt/python/lib/{version}/site-packages", "/opt/python", "/var/runtime"]
        stage, empty = self.folder / "stage", self.folder / "empty"
        stage.mkdir(exist_ok=True)
        empty.mkdir(exist_ok=True)
        return {
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "TZ": ":UTC",
            **function.variables,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_s),
            "HOME": "/tmp",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LANG": "en_US.UTF-8",
            "LD_LIBRARY_PATH": "/var/lang/lib:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "PYTHONPATH": ":".join(filter(None, [function.variables.get("PYTHONPATH"), *paths])),
            "SANDBOX_STAGE": str(stage),
            "SANDBOX_CODE": str(function.code),
            "SANDBOX_RUNTIME": str(self.runtime.client),
            "SANDBOX_PYTHON": str(self.runtime.python.resolve().parent.parent),
            "SANDBOX_LAYERS": str(function.layers or empty),
            "SANDBOX_SCRATCH_MB": str(function.scratch_mb),
            "SANDBOX_EMULATOR": str(self.runtime.emulator),
            "SANDBOX_GROUP": str(self.memory.door or "/dev/null"),
        }


def _free_ports() -> tuple[int, int]:
    """Give two different ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended
