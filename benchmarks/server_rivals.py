"""The servers that are measured: how each is installed, started and asked.

Peers are installed by uv into environments of their own below build/benchmarks/serving, a minute or two each;
one that cannot be installed or started is left out with the reason.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from models import CACHE, PLANS, TRAINING_ROWS, Model, _table
from server import keys

HERE = Path(__file__).resolve().parent / "serving"
PEERS = HERE / "peers"
ROOM = CACHE / "serving"
PACKAGES: dict[str, tuple[str, ...]] = {
    "fastapi": ("fastapi", "uvicorn", "uvloop", "httptools", "lightgbm", "numpy"),
    "litserve": ("litserve", "lightgbm"),
    "bentoml": ("bentoml", "lightgbm"),
    "mlflow": ("mlflow", "lightgbm", "pandas"),
    "mlserver": ("mlserver", "mlserver-lightgbm", "lightgbm", "uvloop<0.22"),
    "h2o": ("h2o==3.46.0.6", "numpy", "pandas"),
}
MODEL = Model("A")
INSTALL_SECONDS = 600


class Absent(Exception):
    """A rival that cannot take part, and why."""


@dataclass(frozen=True)
class Rival:
    """A server: its name, the command that starts it on a port, and how a request for it looks."""

    name: str
    about: str
    command: Callable[[int], list[str]]
    body: Callable[[list[list[float]]], bytes]
    path: str = "/model/score"
    headers: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOM
    version: str = ""
    patience: float = 60.0  # seconds until it must be ready

    def request(self, rows: list[list[float]]) -> bytes:
        """Return a whole request for some rows."""
        body = self.body(rows)
        headers = {"host": "127.0.0.1", "content-type": "application/json", **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def texts(rows: list[list[float]]) -> bytes:
    """Write rows as our contract has them, every cell a text."""
    cells = [[repr(cell) for cell in row] for row in rows]
    return json.dumps({"fields": list(MODEL.scorer.schema.names), "rows": cells}).encode()


def tensor(rows: list[list[float]]) -> bytes:
    """Write rows as the Open Inference Protocol has them, as numbers."""
    flat = [cell for row in rows for cell in row]
    tensor = {"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
    return json.dumps({"inputs": [tensor]}).encode()


def frame(rows: list[list[float]]) -> bytes:
    """Write rows as MLflow has them, as numbers."""
    return json.dumps(
        {"dataframe_split": {"columns": list(MODEL.scorer.schema.names), "data": rows}}
    ).encode()


def ours(name: str = "ours", options: Sequence[str] = (), command: Sequence[str] | None = None) -> Rival:
    """Return our server with a key, a log, limits and metrics, as `scoring serve` has them."""
    ROOM.mkdir(parents=True, exist_ok=True)
    key, line = keys.new("bench")
    file, log = ROOM / f"{name}.keys", ROOM / f"{name}.log"
    file.write_text(line)
    artifact = str(MODEL.artifact_path)

    def start(port: int) -> list[str]:
        log.unlink(missing_ok=True)
        if command is not None:
            return [word.replace("PORT", str(port)) for word in command]
        words = ["--port", str(port), "--workers", "1", "--api-keys", str(file), "--access-log", str(log)]
        return [sys.executable, "-m", "server", artifact, *words, *options]

    environment = {
        "ARTIFACT": artifact, "KEYS": str(file), "LOG": str(log),
        "PYTHONPATH": str(PEERS), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    return Rival(name, "this repository", start, texts, headers={"x-api-key": key}, environment=environment)


def uv(*words: str) -> None:
    """Run uv; raises Absent with its last words."""
    program = shutil.which("uv")
    if program is None:
        raise Absent("uv, which installs it, is not here")
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Absent(f"not installed within {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise Absent(f"not installable: {done.stderr.strip().splitlines()[-1][:120]}")


def environment(name: str) -> Path:
    """Return the environment of a peer, installed if it is not there."""
    home = Path(os.environ.get("BENCH_ENVIRONMENTS") or ROOM) / name
    if not (home / "bin" / "python").exists():
        ROOM.mkdir(parents=True, exist_ok=True)
        uv("venv", "-q", "--python", sys.executable, str(home))
    if not (home / ".installed").exists():
        uv("pip", "install", "-q", "--python", str(home / "bin" / "python"), *PACKAGES[name])
        (home / ".installed").touch()
    return home


def version(home: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run(
        [home / "bin" / "python", "-c", code], capture_output=True, text=True
    ).stdout.strip()


def _peer(
    name: str, package: str, about: str, command: Callable[[Path, int], list[str]], **more: object
) -> Rival:
    home = environment(package)
    variables = {
        "MODEL": str(MODEL.text_path), "PYTHONPATH": str(PEERS),
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "BENTOML_DO_NOT_TRACK": "1", "BENTOML_HOME": str(ROOM / "bentoml-home"), "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true",
    }  # fmt: skip
    settings = {"body": texts, "environment": variables, "version": version(home, package), **more}
    return Rival(name, about, lambda port: command(home, port), **settings)  # type: ignore[arg-type]


def fastapi() -> Rival:
    """FastAPI, as its tutorials have it."""
    return _peer("FastAPI", "fastapi", "pydantic, `async def`, uvicorn with uvloop", _uvicorn)


def fastapi_threads() -> Rival:
    """FastAPI with a plain function."""
    return _peer("FastAPI, def", "fastapi", "the same, `def`: a thread a request", _uvicorn, path="/threaded")


def _uvicorn(home: Path, port: int) -> list[str]:
    app = "fastapi_lightgbm:app"
    return [
        str(home / "bin" / "uvicorn"),
        app,
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "warning",
    ]


def litserve() -> Rival:
    """LitServe."""

    def command(home: Path, port: int) -> list[str]:
        return [str(home / "bin" / "python"), str(PEERS / "litserve_lightgbm.py"), str(port)]

    return _peer("LitServe", "litserve", "one worker, no log", command)


def bentoml() -> Rival:
    """BentoML."""

    def command(home: Path, port: int) -> list[str]:
        words = ["serve", "bentoml_lightgbm:Forest", "--host", "127.0.0.1", "--port", str(port)]
        return [str(home / "bin" / "bentoml"), *words]

    return _peer("BentoML", "bentoml", "one worker, no access log", command, folder=PEERS)


def mlflow() -> Rival:
    """MLflow's own server."""
    home, folder = environment("mlflow"), ROOM / "mlflow-model"
    if not folder.exists():
        words = [
            str(home / "bin" / "python"),
            str(PEERS / "mlflow_model.py"),
            str(MODEL.text_path),
            str(folder),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Absent(f"the model could not be written: {done.stderr.strip().splitlines()[-1][:120]}")

    def command(home: Path, port: int) -> list[str]:
        words = ["models", "serve", "-m", str(folder), "-h", "127.0.0.1", "-p", str(port)]
        return [str(home / "bin" / "mlflow"), *words, "--env-manager", "local", "-w", "1"]

    about = "`models serve`, LightGBM flavour, numbers"
    return _peer("MLflow", "mlflow", about, command, path="/invocations", body=frame)


def mlserver() -> Rival:
    """Seldon's MLServer; its parallel workers cost more than they bring here."""
    folder = ROOM / "mlserver-model"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(MODEL.text_path, folder / "forest.bst")
    parameters = {"uri": "./forest.bst", "version": "1"}
    model = {"name": "forest", "implementation": "mlserver_lightgbm.LightGBMModel", "parameters": parameters}
    (folder / "model-settings.json").write_text(json.dumps(model))

    def command(home: Path, port: int) -> list[str]:
        ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
        settings = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", **ports}
        (folder / "settings.json").write_text(json.dumps(settings))
        return [str(home / "bin" / "mlserver"), "start", str(folder)]

    about = "LightGBM runtime, no parallel workers, numbers"
    return _peer("MLServer", "mlserver", about, command, path="/v2/models/forest/infer", body=tensor)


def jetty() -> Rival:
    """H2O's Java runtime behind Jetty, a stand-in for a scorer in Java."""
    if shutil.which("javac") is None:
        raise Absent("there is no Java compiler")
    home, folder = environment("h2o"), ROOM / "java"
    jar = next(home.glob("lib/python*/site-packages/h2o/backend/bin/h2o.jar"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        compile_ = ["javac", "-cp", str(jar), "-d", str(folder), str(PEERS / "Forest.java")]
        subprocess.run(compile_, check=True, capture_output=True)
        if not (folder / "forest.zip").exists():
            X, y = _table(PLANS["A"], TRAINING_ROWS, seed=1)
            thirds = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
            rows = 6000  # enough for trees of this size, and H2O is slow to read
            np.savez(
                folder / "rows.npz", X=X[:rows], y=thirds[:rows], names=np.array(MODEL.scorer.schema.names)
            )
            train = [str(home / "bin" / "python"), str(PEERS / "h2o_model.py")]
            train += [str(folder / "rows.npz"), str(folder), str(PLANS["A"].iterations)]
            subprocess.run(train, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as fault:
        raise Absent(f"the Java server or its model could not be made: {str(fault)[:100]}") from None

    def command(_home: Path, port: int) -> list[str]:
        classes = f"{folder}:{jar}"
        return ["java", "-Xmx512m", "-cp", classes, "Forest", str(folder / "forest.zip"), str(port)]

    return _peer("Jetty + genmodel", "h2o", "Jetty 9.4, Jackson, MOJO of 600 trees", command)


ALL = (fastapi, fastapi_threads, litserve, bentoml, mlflow, mlserver, jetty)


def ready() -> tuple[list[Rival], dict[str, str]]:
    """Return the peers that can be started, and why the others cannot."""
    able, absent = [], {}
    chosen = os.environ.get("BENCH_PEERS")
    for make in ALL:
        if chosen is not None and make.__name__ not in chosen.split(","):
            absent[make.__name__] = "not asked for"
            continue
        try:
            able.append(make())
        except Absent as reason:
            absent[make.__name__] = str(reason)
    return able, absent
