"""AWS in this process: moto as a server that notes which permissions Terraform's requests take."""

import logging
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import boto3  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
import pytest
from deployment.terraform import Terraform
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

OVERRIDE = """provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""
REGION = "us-east-1"
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_BUCKET_PARTS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "object-lock": "BucketObjectLockConfiguration",
    "policy": "BucketPolicy",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}


def permission(environ: dict[str, Any], body: bytes) -> str:
    """Name the IAM action that a request to AWS needs; "" for what is no request to AWS."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return ""
    service = {"monitoring": "cloudwatch"}.get(scope[1], scope[1])
    if service == "apigateway":
        return f"apigateway:{method}"
    if service == "s3":
        return f"s3:{_s3(method, path, environ.get('QUERY_STRING', ''))}"
    if service == "lambda":
        return f"lambda:{_lambda(method, path)}"
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return f"{service}:{target.rsplit('.', 1)[-1]}"
    if "/operation/" in path:
        return f"{service}:{path.rsplit('/', 1)[-1]}"
    return f"{service}:{parse_qs(body.decode())['Action'][0]}"


def _s3(method: str, path: str, query: str) -> str:
    names = {part.split("=")[0] for part in query.split("&")}
    verb = {"HEAD": "Get"}.get(method, method.capitalize())
    if "/" in path.strip("/"):
        if "tagging" in names:
            return f"{verb}ObjectTagging"
        return f"{verb}ObjectVersion" if "versionId" in names else f"{verb}Object"
    if "versions" in names:
        return "ListBucketVersions"
    if "delete" in names:
        return "DeleteObject"
    for part, name in _BUCKET_PARTS.items():
        if part in names:
            # The settings that a DELETE clears are put, as far as IAM is concerned, but for the policy.
            return f"{'Put' if verb == 'Delete' and part != 'policy' else verb}{name}"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method, "ListBucket")


def _lambda(method: str, path: str) -> str:
    model = botocore.session.get_session().get_service_model("lambda")
    found = []
    for each in model.operation_names:
        http = model.operation_model(each).http
        uri = http["requestUri"].split("?")[0].rstrip("/")
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(uri))
        if http["method"] == method and re.fullmatch(pattern, path.rstrip("/").replace("%3A", ":")):
            found.append((uri.count("{"), each))
    assert found, f"No operation of Lambda is {method} {path}"
    name: str = min(found)[1]
    return name.rstrip("0123456789")


class RecordingServer(ThreadedMotoServer):
    """moto's server, with the permissions that its requests needed in `permissions`."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0, verbose=False)
        self.permissions: set[str] = set()

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.get_host_and_port())

    def _server_entry(self) -> None:
        inner = DomainDispatcherApplication(create_backend_app)

        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
            if "Terraform" in environ.get("HTTP_USER_AGENT", ""):
                self.permissions.add(permission(environ, body))
            answer: Iterable[bytes] = inner(environ, start_response)
            return answer

        self._server = make_server("127.0.0.1", 0, application, threaded=True)
        self._server_ready_event.set()
        self._server.serve_forever()


@dataclass
class Recipe:
    """A copy of the template whose recipe is applied at the emulator."""

    folder: Path
    environment: dict[str, str]
    server: RecordingServer
    log: list[str] = field(default_factory=list)

    def terraform(self) -> Terraform:
        """Terraform for this recipe; its state and data stay in the copy."""
        return Terraform(
            self.folder / "terraform",
            state=self.folder / "state" / "terraform.tfstate",
            data=self.folder / "data",
            environment=self.environment,
            log=self.log.append,
        )

    def client(self, service: str) -> Any:
        """A client of boto3 for one service of the emulator."""
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="session")
def emulator() -> Iterator[RecordingServer]:
    """The emulator, empty."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it says a line for each request
    server = RecordingServer()
    server.start()
    urlopen(Request(f"{server.url}/moto-api/reset", method="POST"), timeout=30).close()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def lambda_recipe(
    root: Path,
    emulator: RecordingServer,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Recipe]:
    """A function that makes a fresh copy of the Lambda template, ready to be applied at the emulator."""
    environment = {
        **terraform_environment,
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

    def copy() -> Recipe:
        folder = copied(root / "aws-lambda-scorer", tmp_path_factory.mktemp("emulated") / "scorer")
        (folder / "terraform" / "emulator_override.tf").write_text(OVERRIDE)
        (folder / "state").mkdir()
        return Recipe(folder, environment, emulator)

    return copy


def copied(template: Path, target: Path) -> Path:
    """Copy a template, with its package or, as the emulator runs no code, with a stand-in for it."""
    for name in ("terraform", "example"):
        shutil.copytree(
            template / name, target / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
        )
    (target / "build").mkdir()
    package = template / "build" / "function.zip"
    if package.exists():
        shutil.copy(package, target / "build")
    else:
        with zipfile.ZipFile(target / "build" / "function.zip", "w") as file:
            file.writestr("aws_lambda_scorer/handler.py", "def handle(event, context): ...\n")
    return target


@pytest.fixture(scope="session")
def initialised_recipe(lambda_recipe: Callable[[], Recipe]) -> Recipe:
    """A copy for commands that talk to no AWS, such as `terraform test`."""
    recipe = lambda_recipe()
    (recipe.folder / "terraform" / "emulator_override.tf").unlink()
    done = subprocess.run(
        ["terraform", "init", "-backend=false", "-no-color"],
        cwd=recipe.folder / "terraform", env=recipe.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return recipe
