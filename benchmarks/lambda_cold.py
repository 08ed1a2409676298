"""A Lambda function's start and its package, beside the usual ways to put LightGBM into one.

    python benchmarks/lambda_cold.py aws-lambda-scorer/build/function.zip

Each start is a fresh interpreter that has nothing but the unpacked package and boto3, as the runtime has; it
imports the handler, which loads its model from an S3 in this process, and answers one request. Needs moto and
uv, which fetches the rivals' packages. The function's package has to be for this machine's processor.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from scoring.artifact import Artifact
from table import Table, ratio, seconds, size

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "aws-lambda-scorer" / "example"
ROUNDS = 5
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


def installed(folder: Path, *names: str) -> Path:
    """Install packages into a folder, with bytecode."""
    command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--target", str(folder)]
    subprocess.run([*command, "--python", sys.executable, *names], check=True)
    return folder


def start(task: Path, runtime: Path, module: str, event: str, environment: dict[str, str]) -> list[float]:
    """Start once; returns wall and processor seconds to the first score, and the median of warm calls."""
    command = [sys.executable, "-I", "-S", "-c", START, str(task), str(runtime), module, event]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr[-2000:])
    found: list[float] = json.loads(ended.stderr.splitlines()[-1])
    return found


def packed(folder: Path) -> tuple[int, int]:
    """Return the bytes of a folder, packed and not."""
    with tempfile.NamedTemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            paths = [path for path in folder.rglob("*") if path.is_file()]
            for path in paths:
                archive.write(path, path.relative_to(folder))
        return Path(file.name).stat().st_size, sum(path.stat().st_size for path in paths)


def run(package: Path) -> list[Table]:
    """Measure the three ways in turns."""
    artifact = Artifact.read(EXAMPLE / "cooler.pipeline")
    event = (ROOT / "aws-lambda-scorer" / "tests" / "events" / "http_api.json").read_text()
    given = json.loads(event) | {"rawPath": "/model/score"}
    given["requestContext"] |= {"stage": "$default"}
    given["requestContext"]["http"]["path"] = "/model/score"
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {
        **kept, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x",
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1", "OMP_NUM_THREADS": "1",
        "AWS_EC2_METADATA_DISABLED": "true", "PIPELINE_URI": "s3://models/cooler.pipeline",
        "PIPELINE_DIGEST": artifact.digest,
    }  # fmt: skip
    os.environ.update(environment)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="cooler.pipeline", Body=artifact.data)
    s3.put_object(Bucket="models", Key="forest.txt", Body=artifact.forest)
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(base / "ours")
        runtime = installed(base / "runtime", "boto3")
        usual = installed(base / "plain", "lightgbm", "numpy", "scipy")
        web = installed(base / "web", "lightgbm", "numpy", "scipy", "fastapi", "mangum")
        (usual / "app.py").write_text(PLAIN)
        (web / "app.py").write_text(FASTAPI)
        ways = {
            "aws-lambda-scorer": (base / "ours", "aws_lambda_scorer.handler"),
            "lightgbm, numpy, scipy, plain handler": (usual, "app"),
            "the same with FastAPI and Mangum": (web, "app"),
        }
        sizes = {name: packed(folder) for name, (folder, _) in ways.items()}
        sizes["aws-lambda-scorer"] = package.stat().st_size, sizes["aws-lambda-scorer"][1]
        taken: dict[str, list[list[float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, (folder, module) in ways.items():
                cache = base / "cache"
                shutil.rmtree(cache, ignore_errors=True)
                fresh = {**environment, "SCORER_CACHE": str(cache)}
                taken[name].append(start(folder, runtime, module, json.dumps(given), fresh))
    moto.stop()
    median = {
        name: [statistics.median(column) for column in zip(*all_, strict=True)]
        for name, all_ in taken.items()
    }
    wall, cpu, _ = median["aws-lambda-scorer"]
    columns = ["way", "zip", "unpacked", "start to first score", "of ours", "its CPU", "of ours", "warm call"]
    table = Table("Lambda: package and start, model from S3", columns)
    for name, (one, two, warm) in median.items():
        small, large = sizes[name]
        cells = [
            name,
            size(small),
            size(large),
            seconds(one),
            ratio(one / wall),
            seconds(two),
            ratio(two / cpu),
        ]
        table.rows.append([*cells, seconds(warm)])
    table.remarks = [
        f"Medians of {ROUNDS} fresh interpreters, in turns; the S3 is moto's, in the process that measures.",
        "The rivals score a row of zeros: they have no feature engineering, no checks and no contract.",
    ]
    return [table]


if __name__ == "__main__":
    for result in run(Path(sys.argv[1])):
        print(result.markdown())
