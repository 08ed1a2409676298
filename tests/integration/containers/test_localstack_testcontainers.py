"""The Lambda template in LocalStack again, this time in a container that testcontainers starts.

The image is the Python base of the other container tests: LocalStack's frozen environment, AWS's runtime
emulator and the executor are mounted into it, read-only. The whole recipe takes a minute and a half, so it is
applied only when the environment variable SCORING_TIERS names `testcontainers`; the function alone is invoked
whenever there is a container engine.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LOCALSTACK = Path(__file__).parent.parent / "localstack"
for folder in (LOCALSTACK, LOCALSTACK / "plugin" / "src"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from lambda_sandbox import parts  # noqa: E402
from lambda_sandbox.localstack import PLUGIN, environment  # noqa: E402
from lambda_sandbox.package import Built, built  # noqa: E402
from localstack_service import NAME, Cloud, Service  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:The wait_for_logs function:DeprecationWarning"
    ),  # of testcontainers' own
]

SOCKET = "podman.sock"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@pytest.fixture(scope="module")
def container_service(container_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine's API on a socket, as Docker's clients want it."""
    socket = tmp_path_factory.mktemp("service") / SOCKET
    command = [
        "setpriv",
        "--pdeathsig",
        "TERM",
        "podman",
        *container_engine._storage,
        "system",
        "service",
        "--time=0",
    ]
    with (socket.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"unix://{socket}"], env=container_engine._environment, stdout=log, stderr=log
        )
    end = time.monotonic() + 20
    while not socket.exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    if not socket.exists():
        process.kill()
        pytest.skip(f"podman offers no API here: {(socket.parent / 'log').read_text()[-300:]}")
    yield f"unix://{socket}"
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def function_package(root: Path) -> Built:
    """The Lambda template's package."""
    return built(root / "aws-lambda-scorer")


@pytest.fixture(scope="module")
def contained(
    container_service: str,
    python_image: str,
    function_package: Built,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    """LocalStack in a container, with functions run inside it."""
    try:
        runtime = parts.runtime(function_package.runtime)
        python = environment(LOCALSTACK / "requirements.txt") / "bin" / "python"
    except parts.PartsError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("contained")
    parts.install("--python", str(python), "--target", str(folder / "plugin"), str(PLUGIN))
    prefix = runtime.python.resolve().parent.parent
    settings = {
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "GATEWAY_LISTEN": "0.0.0.0:4566",
        "LAMBDA_RUNTIME_EXECUTOR": "sandbox",
        "PATH": PATH,
        "PYTHONPATH": str(folder / "plugin"),
        "SANDBOX_RUNTIMES": json.dumps(
            {
                function_package.runtime: {
                    "client": str(runtime.client),
                    "emulator": str(runtime.emulator),
                    "python": str(runtime.python),
                }
            }
        ),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", container_service)
        patch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
        patch.setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
        patch.setenv("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
        from testcontainers.community.localstack import LocalStackContainer

        container = LocalStackContainer(python_image, region_name="us-east-1").with_kwargs(privileged=True)
        container.with_command([str(python), "-m", "localstack.runtime.main"])
        for name, value in settings.items():
            container.with_env(name, value)
        for path in dict.fromkeys(
            (python.parent.parent, prefix, runtime.client, runtime.emulator.parent, folder)
        ):
            container.with_volume_mapping(str(path), str(path), "ro")
        begin = time.monotonic()
        with container as running:
            print(f"\nLocalStack in a container answers after {time.monotonic() - begin:.1f} s")
            patch.setenv("AWS_ENDPOINT_URL", running.get_url())
            log = folder / "localstack.log"
            yield Cloud(running.get_url(), log, None)
            log.write_bytes(b"".join(running.get_logs()))


def test_the_function_scores_in_a_contained_localstack(contained: Cloud, function_package: Built) -> None:
    import scoring

    example = function_package.template / "example"
    scorer = scoring.load(example / "cooler.pipeline")
    body = (example / "request.json").read_bytes()
    s3, functions = contained.client("s3"), contained.client("lambda")
    s3.create_bucket(Bucket="one-function")
    s3.upload_file(str(example / "cooler.pipeline"), "one-function", "cooler.pipeline")
    functions.create_function(
        FunctionName="one-function",
        Runtime=function_package.runtime,
        Handler=function_package.handler,
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": function_package.archive.read_bytes()},
        Environment={
            "Variables": {
                "PIPELINE_DIGEST": scorer.digest,
                "PIPELINE_URI": "s3://one-function/cooler.pipeline",
            }
        },
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="one-function", WaiterConfig={"Delay": 1})

    got = functions.invoke(FunctionName="one-function", Payload=body)

    assert "FunctionError" not in got, got["Payload"].read()
    assert json.loads(got["Payload"].read()) == json.loads(scorer.score_json(body))
    functions.delete_function(FunctionName="one-function")


def test_the_recipe_in_a_contained_localstack(
    contained: Cloud, function_package: Built, terraform_environment: dict[str, str], tmp_path: Path
) -> None:
    if "testcontainers" not in os.environ.get("SCORING_TIERS", "").replace(",", " ").split():
        pytest.skip("takes a minute and a half; set SCORING_TIERS=testcontainers to run it")
    service = Service(contained, function_package, tmp_path, terraform_environment)
    service.deploy()

    assert service.send("POST", "/model/score", service.request, key=None).status == 403
    assert service.send("POST", "/model/score", service.request, key="wrong").status == 403
    got = service.score()
    assert (got.status, got.body) == (200, service.scorer.score_json(service.request))
    assert service.terraform.plan(service.variables).empty
    with service.fresh(PIPELINE_DIGEST="0" * 64):
        assert service.score().json["code"] == "artifact_tampered"
    assert service.score().status == 200

    service.terraform.destroy(service.variables)
    assert service.terraform.resources() == []
    assert contained.client("apigateway").get_rest_apis()["items"] == []
    assert NAME not in {
        found["FunctionName"] for found in contained.client("lambda").list_functions()["Functions"]
    }
    shutil.rmtree(tmp_path / "state")
