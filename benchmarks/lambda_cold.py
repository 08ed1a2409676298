"""A Lambda function's cold start and its package, beside the usual ways to put LightGBM into one.

    python benchmarks/lambda_cold.py               # packages the template for this machine's processor
    python benchmarks/lambda_cold.py FUNCTION.zip  # takes one that is there, for this machine's processor

First under AWS's own runtime emulator and runtime client, in the sandbox of the tests (Linux, as root): every
start is a new sandbox, and its first event pays for the import, for the artifact from an S3 in this process,
and for one score. Then in fresh interpreters that have nothing but the unpacked package and boto3. The ways
take turns; each figure is a median, and each ratio the median of the ratios turn by turn. Needs moto and uv,
which fetches the rivals' packages.
"""

import ctypes.util
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from scoring.artifact import Artifact
from table import Table, ratio, seconds, size

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration" / "localstack" / "plugin" / "src"))

from lambda_sandbox import parts  # noqa: E402
from lambda_sandbox.package import built  # noqa: E402
from lambda_sandbox.sandbox import Function, Runtime, Sandbox, unavailable  # noqa: E402

EXAMPLE = ROOT / "aws-lambda-scorer" / "example"
OURS = "aws-lambda-scorer"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
WARM = 200
TICK = os.sysconf("SC_CLK_TCK")
PLAIN = """
import json, os
import boto3, lightgbm, numpy
body = boto3.client("s3").get_object(Bucket="models", Key="forest.txt")["Body"].read()
booster = lightgbm.Booster(model_str=body.decode())
def handle(event, context):
    rows = json.loads(event["body"])["rows"]
    matrix = numpy.zeros((len(rows), booster.num_feature()))
    return {"statusCode": 200, "body": json.dumps(booster.predict(matrix, num_threads=1).tolist())}
"""
FASTAPI = """
import boto3, lightgbm, numpy
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel
body = boto3.client("s3").get_object(Bucket="models", Key="forest.txt")["Body"].read()
booster = lightgbm.Booster(model_str=body.decode())
app = FastAPI()
class Rows(BaseModel):
    fields: list[str]
    rows: list[list[str]]
@app.post("/model/score")
def score(request: Rows) -> list[list[float]]:
    matrix = numpy.zeros((len(request.rows), booster.num_feature()))
    return booster.predict(matrix, num_threads=1).tolist()
handle = Mangum(app, lifespan="off")
"""
START = """
import time; begun, used = time.perf_counter(), time.process_time()
import json, os, sys
sys.path[:0] = sys.argv[1:3]
event = json.loads(sys.argv[4])
handle = __import__(sys.argv[3], fromlist=["handle"]).handle
class Context: aws_request_id = "1"
answer = handle(event, Context)
assert answer["statusCode"] == 200, answer
wall, cpu = time.perf_counter() - begun, time.process_time() - used
sys.stdout = open(os.devnull, "w")
taken = []
for _ in range(300):
    start = time.perf_counter(); handle(event, Context); taken.append(time.perf_counter() - start)
sys.stderr.write(json.dumps([wall, cpu, sorted(taken)[150]]))
"""


@dataclass(frozen=True)
class Way:
    """One way to make the function: its unpacked package, and the module whose `handle` Lambda calls."""

    folder: Path
    module: str
    zipped: int
    """Bytes of the package."""

    @property
    def unpacked(self) -> int:
        """Bytes of the unpacked package."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def ways(base: Path, package: Path) -> dict[str, Way]:
    """Unpack our package, and install the rivals' with bytecode and the library that Lambda lacks."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(base / "ours")
    found = {OURS: Way(base / "ours", "aws_lambda_scorer.handler", package.stat().st_size)}
    plain = ["lightgbm", "numpy", "scipy"]
    for name, code, names in (
        ("lightgbm, numpy, scipy, plain handler", PLAIN, plain),
        ("the same with FastAPI and Mangum", FASTAPI, [*plain, "fastapi", "mangum"]),
    ):
        folder = installed(base / f"way-{len(found)}", *names)
        (folder / "app.py").write_text(code)
        (folder / "lib").mkdir(exist_ok=True)
        shutil.copyfile(_openmp(), folder / "lib" / "libgomp.so.1")
        found[name] = Way(folder, "app", _zipped(folder))
    for path in [base, *base.rglob("*")]:  # Lambda's user is another one
        path.chmod(0o755)
    return found


def _openmp() -> Path:
    name = ctypes.util.find_library("gomp") or "libgomp.so.1"
    places = [*Path("/usr/lib").glob(f"*/{name}"), *Path("/usr/lib64").glob(name)]
    if not places:
        raise SystemExit("There is no libgomp.so.1 here for the rivals: install libgomp1.")
    return places[0]


def installed(folder: Path, *names: str) -> Path:
    """Install packages into a folder, with bytecode."""
    command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--target", str(folder)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([*command, "--python", sys.executable, *names], check=True, env=environment)
    return folder


def _zipped(folder: Path) -> int:
    """Return the bytes of a folder as a zip."""
    with tempfile.NamedTemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in folder.rglob("*"):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
        return Path(file.name).stat().st_size


def emulated(
    way: Way, runtime: Runtime, event: bytes, variables: Mapping[str, str], home: Path
) -> list[float]:
    """Start a sandbox: wall and processor seconds of init and first score, and the median of warm events."""
    function = Function(way.folder, f"{way.module}.handle", variables=variables, memory_mb=2048, timeout_s=60)
    with Sandbox(function, runtime, home=home, tied=True) as sandbox:
        begun = time.perf_counter()
        _, content, _ = sandbox.invoke(event)
        wall = time.perf_counter() - begun
        if json.loads(content).get("statusCode") != 200:
            raise SystemExit(f"{way.module}: {content[:500]!r} {sandbox.text()[-2000:]}")
        cpu = sum(_used(pid) for pid in sandbox.runtimes())
        taken = []
        for _ in range(WARM):
            begun = time.perf_counter()
            sandbox.invoke(event)
            taken.append(time.perf_counter() - begun)
        return [wall, cpu, statistics.median(taken)]


def _used(pid: int) -> float:
    """Return the processor seconds of a process and all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def fresh(way: Way, boto: Path, event: bytes, variables: Mapping[str, str]) -> list[float]:
    """Start an interpreter: wall and processor seconds to the first score, and the median of warm calls."""
    command = [sys.executable, "-I", "-S", "-c", START, str(way.folder), str(boto), way.module]
    environment = {**variables, "LD_LIBRARY_PATH": str(way.folder / "lib")}
    ended = subprocess.run(
        [*command, event.decode()], env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(ended.stderr[-2000:])
    found: list[float] = json.loads(ended.stderr.splitlines()[-1])
    return found


def table(title: str, warm: str, found: dict[str, Way], measure: Callable[[str, Way], list[float]]) -> Table:
    """Measure the ways in turns."""
    taken: dict[str, list[list[float]]] = {name: [] for name in found}
    for _ in range(ROUNDS):
        for name, way in found.items():
            taken[name].append(measure(name, way))
    columns = [
        "way",
        "zip",
        "unpacked",
        "init, first score",
        "of ours",
        "its CPU",
        "of ours",
        warm,
    ]
    result = Table(title, columns)
    for name, way in found.items():
        wall, cpu, later = (statistics.median(column) for column in zip(*taken[name], strict=True))
        turns = list(zip(taken[name], taken[OURS], strict=True))
        walls = statistics.median(theirs[0] / ours[0] for theirs, ours in turns)
        cpus = statistics.median(theirs[1] / max(ours[1], 1 / TICK) for theirs, ours in turns)
        sizes = [size(way.zipped), size(way.unpacked)]
        result.rows.append(
            [name, *sizes, seconds(wall), ratio(walls), seconds(cpu), ratio(cpus), seconds(later)]
        )
    result.remarks.append(f"Medians of {ROUNDS} starts, in turns; ratios are medians of those turn by turn.")
    return result


def run(package: Path | None) -> list[Table]:
    """Measure the three ways under the emulator and in fresh interpreters."""
    artifact = Artifact.read(EXAMPLE / "cooler.pipeline")
    given = json.loads((ROOT / "aws-lambda-scorer" / "tests" / "events" / "http_api.json").read_text())
    given["rawPath"] = given["requestContext"]["http"]["path"] = "/model/score"
    given["requestContext"]["stage"] = "$default"
    event = json.dumps(given).encode()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it says a line for each request
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    variables = {
        **keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_EC2_METADATA_DISABLED": "true",
        "OMP_NUM_THREADS": "1", "PIPELINE_URI": "s3://models/cooler.pipeline",
        "PIPELINE_DIGEST": artifact.digest,
    }  # fmt: skip
    os.environ.update(variables)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="cooler.pipeline", Body=artifact.data)
    s3.put_object(Bucket="models", Key="forest.txt", Body=artifact.forest)
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        found = ways(base, package or built(ROOT / "aws-lambda-scorer").archive)
        reason = unavailable()
        if reason is None:
            runtime = parts.runtime("python3.11")
            home = base / "sandboxes"
            results.append(
                table(
                    "Lambda: cold start under the runtime emulator, model from S3",
                    "warm event, through the emulator",
                    found,
                    lambda _, way: emulated(way, runtime, event, variables, home),
                )
            )
        else:
            print(f"not under the runtime emulator: {reason}", file=sys.stderr)
        boto = installed(base / "boto", "boto3")

        def once(_: str, way: Way) -> list[float]:
            cache = base / "cache"
            shutil.rmtree(cache, ignore_errors=True)
            return fresh(
                way, boto, event, {**variables, "AWS_REGION": "us-east-1", "SCORER_CACHE": str(cache)}
            )

        results.append(table("Lambda: in fresh interpreters", "warm call of the handler", found, once))
    moto.stop()
    results[-1].remarks += [
        "The S3 is moto's, in the process that measures.",
        "The rivals score a row of zeros: they have no feature engineering, no checks and no contract.",
    ]
    return results


if __name__ == "__main__":
    for result in run(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        print(result.markdown())
