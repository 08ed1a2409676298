"""AWS's own parts, fetched once: pinned, checked by sha256 and kept in the tests' cache."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lambda_sandbox.sandbox import Runtime

HERE = Path(__file__).parent
EMULATOR = HERE / "emulator.txt"  # a wheel that carries the emulator; nothing else of it is used
CLIENT = HERE / "client.txt"  # the runtime client, and boto3 as the real runtime has it
MEMBER = "samcli/local/rapid/aws-lambda-rie-{machine}"
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}


class PartsError(RuntimeError):
    """A part cannot be had: the tests that need it are skipped with this reason."""


def cache() -> Path:
    """Give the folder where big downloads of the tests are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoring-tests"


def uv() -> str:
    """Find uv: on the path, beside this interpreter, or in the checkout."""
    beside = [Path(sys.executable).parent, *(folder / ".uv" / "bin" for folder in HERE.parents)]
    found = shutil.which("uv") or next((str(b / "uv") for b in beside if (b / "uv").exists()), None)
    if found is None:
        raise PartsError("uv is not installed")
    return found


def runtime(name: str) -> Runtime:
    """Give emulator, runtime client and interpreter for a Lambda runtime such as `python3.11`."""
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise PartsError(f"AWS has no runtime emulator for {platform.machine()}")
    emulator = kept("emulator", [EMULATOR.read_text()], _emulator) / f"aws-lambda-rie-{machine}"
    python = interpreter(name)
    client = kept("client", [CLIENT.read_text(), name], lambda folder: _client(folder, python))
    return Runtime(emulator=emulator, client=client, python=python)


def interpreter(name: str) -> Path:
    """Find PREFIX/bin/NAME for a Lambda runtime's name; it must be of that minor version."""
    version = name.removeprefix("python")
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        here = Path(sys.base_prefix) / "bin" / name
        if here.exists():
            return here
    done = subprocess.run(
        [uv(), "python", "find", "--no-project", "--system", version],
        capture_output=True,
        text=True,
        check=False,
    )
    found = Path(done.stdout.strip()).resolve() if done.returncode == 0 else None
    if found is None or found.name != name:
        raise PartsError(f"no {name} here: {done.stderr.strip() or found}")
    return found


def kept(name: str, decided_by: list[str], make: Callable[[Path], None]) -> Path:
    """Give a folder of the cache, made once for all processes; another content is another folder."""
    digest = hashlib.sha256("\0".join([*decided_by, platform.machine()]).encode()).hexdigest()[:16]
    final = cache() / f"{name}-{digest}"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.is_dir():
            draft = Path(tempfile.mkdtemp(prefix=f"{name}-draft-", dir=cache()))
            try:
                make(draft)
                draft.chmod(0o755)
                draft.rename(final)
            except subprocess.CalledProcessError as error:
                raise PartsError(
                    f"{name} cannot be installed: {(error.stderr or '').strip()[-600:]}"
                ) from error
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return final


def install(*arguments: str) -> None:
    """Run `uv pip install` without the settings of the surrounding process that would leave no bytecode."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}
    command = [uv(), "pip", "install", "--quiet", "--no-deps", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True, env=environment)


def _emulator(folder: Path) -> None:
    unpacked = folder / "wheel"
    hashes = ["--require-hashes", "-r", str(EMULATOR)]
    install("--python", sys.executable, "--target", str(unpacked), *hashes)
    for machine in MACHINES.values():
        binary = unpacked / MEMBER.format(machine=machine)
        binary.chmod(0o755)
        binary.rename(folder / binary.name)
    shutil.rmtree(unpacked)


def _client(folder: Path, python: Path) -> None:
    hashes = ["--require-hashes", "-r", str(CLIENT)]
    install("--python", str(python), "--target", str(folder), "--compile-bytecode", *hashes)
