"""How the artifact comes: fetched by Cloud Storage's own client, and never another one than was applied."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import scoring
from local_cloud_run.caller import Caller
from local_cloud_run.cloud import CloudRun
from local_cloud_run.engines import ProcessEngine
from scoring import contract
from standin.cache import kept

ME = "user:me@example.com"
CLIENT = "google-cloud-storage==3.17.1"


@pytest.fixture(scope="module")
def client(root: Path) -> Path:
    """A folder with google-cloud-storage, as an image with download=yes has it."""
    uv = shutil.which("uv") or str(root / ".uv" / "bin" / "uv")

    def make(draft: Path) -> None:
        command = [uv, "pip", "install", "--quiet", "--target", str(draft), CLIENT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{CLIENT} cannot be installed: {done.stderr[-300:]}")

    return kept(f"libraries/{CLIENT.replace('==', '-')}", make)


@pytest.fixture(scope="module")
def fetching(apply_recipe: Any) -> Any:
    """The recipe with delivery = "download", open to everybody."""
    return apply_recipe(delivery="download", invokers=["allUsers"])


def test_the_artifact_is_fetched(client: Path, fetching: Any, storage: str, pipeline: Path) -> None:
    scorer = scoring.load(pipeline)
    body = contract.sample_request(scorer)
    with CloudRun(ProcessEngine(storage, str(client)), lambda: fetching.document, storage) as cloud:
        got = Caller(cloud.port).post("/model/score", body)

        assert cloud.instances[0].mounts == {}
    assert (got.status, got.body) == (200, contract.answer(scorer, body))


def test_without_the_client_the_log_says_what_to_do(fetching: Any, storage: str) -> None:
    with CloudRun(ProcessEngine(storage), lambda: fetching.document, storage) as cloud:
        assert Caller(cloud.port).get("/model/id").status == 503

    line = json.loads(cloud.faults[0].partition(": ")[2])
    assert line["severity"] == "CRITICAL"
    assert "download=yes" in line["message"]


def test_another_artifact_is_not_served(process_engine: ProcessEngine, applied: Any, storage: str) -> None:
    digest = applied.outputs["pipeline_digest"]
    told = json.dumps(applied.document).replace(f'"value": "{digest}"', f'"value": "{"f" * 64}"')
    with CloudRun(process_engine, lambda: json.loads(told), storage, tokens={"mine": ME}) as cloud:
        assert Caller(cloud.port, {"authorization": "Bearer mine"}).get("/model/id").status == 503

    assert "was deployed" in cloud.faults[0]
