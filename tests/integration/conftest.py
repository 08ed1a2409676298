"""What the integration tests share: a container engine, packaged templates, and ports of this host."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from once import once, shared

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # cycle.py, which the tests of every target import

TOGETHER = (
    "tests/integration/localstack/"  # LocalStack starts once, and the last file destroys its deployment
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, and those of a folder whose files share what starts slowly."""
    if config.getoption("dist") != "loadfile":
        return None  # what the command line says
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Together(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = nodeid.split("::", 1)[0]
            return file.rpartition("/")[0] if file.startswith(TOGETHER) else file

    return Together(config, log)


def _module(name: str) -> ModuleType:
    """Load a module of the folder of the container tests; test modules cannot import one another."""
    full = f"containers_{name}"
    if full not in sys.modules:
        specification = importlib.util.spec_from_file_location(full, HERE / "containers" / f"{name}.py")
        assert specification is not None
        assert specification.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(sys.modules[full])
    return sys.modules[full]


@pytest.fixture(scope="session")
def container_engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A `containers/engine.py: Engine`; skips with a reason where none can work."""
    base, engine = _module("base"), _module("engine")
    return engine.Engine(base.cache() / "containers", tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def python_image(container_engine: Any) -> str:
    """The image that the Dockerfiles are built on: the one that is there, one made here, or one pulled."""
    base = _module("base")
    name: str = base.PYTHON
    if container_engine.has(name):
        return name
    if shutil.which("mmdebstrap") is None and container_engine.attempt("pull", name).returncode == 0:
        return name
    loaded: str = container_engine.load(name, base.root_files(), base.like_the_official)
    return loaded


@pytest.fixture(scope="session")
def packaged(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function: a template's place in the checkout -> a copy of it, packaged once a run."""
    made: dict[str, Path] = {}
    ready = shared(tmp_path_factory) / "packaged"

    def make(name: str) -> str:
        left_out = shutil.ignore_patterns("build", "*.whl", "__pycache__", ".venv", ".uv", ".terraform*")
        shutil.copytree(root / name, ready / name, ignore=left_out)
        done = subprocess.run(
            [sys.executable, "-m", "deployment", "package", "."],
            cwd=ready / name, env={**os.environ, "PYTHONPATH": str(ready / name / "src")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def copy(name: str) -> Path:
        if name not in made:
            once(ready / f"{Path(name).name}.txt", lambda: make(name))
            made[name] = tmp_path_factory.mktemp("templates") / Path(name).name
            shutil.copytree(ready / name, made[name])
        return made[name]

    return copy


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody has."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def _moto(log: Path) -> Iterator[str]:
    """Run moto in a process of its own; what moto holds is shared by all of its servers in one process."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, f"moto ended: {log.read_text()[-2000:]}"
                time.sleep(0.1)
        else:
            pytest.fail(f"moto does not answer: {log.read_text()[-2000:]}")
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def aws_emulator(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], AbstractContextManager[str]]:
    """A function that starts an AWS of one's own, empty, and gives its address."""
    return lambda: _moto(tmp_path_factory.mktemp("moto") / "log")
