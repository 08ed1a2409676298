"""A deployment in LocalStack: applied with Terraform, asked over HTTP, looked at with localstack-client."""

import http.client
import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lightgbm
import localstack_client.session  # type: ignore[import-untyped]
import numpy as np
import scoring
from deployment.terraform import Plan, Terraform
from lambda_sandbox.faults import Faults
from lambda_sandbox.package import Built
from scoring import contract

NAME = "cooler-lambda"
BUCKET = "the-users-bucket"
OWN_OBJECT = "reports/2026.csv"
OVERRIDE = """
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}

# LocalStack looks at an alarm once in its period; the recipe's five minutes would be the whole test's time.
resource "aws_cloudwatch_metric_alarm" "scorer" {
  period = 10
}
"""


@dataclass(frozen=True)
class Cloud:
    """A LocalStack that runs."""

    url: str
    log: Path
    faults: Faults | None  # where functions see S3 fail

    def client(self, service: str) -> Any:
        """Give a boto3 client, made by localstack-client."""
        return localstack_client.session.Session().client(service)


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body)


class Service:
    """The recipe's deployment, and a client of it."""

    def __init__(
        self,
        cloud: Cloud,
        package: Built,
        folder: Path,
        environment: Mapping[str, str],
        pipeline: Path | None = None,
    ) -> None:
        """Prepare to deploy an artifact, the template's example if it is told none."""
        example = package.template / "example"
        self.cloud = cloud
        self.pipeline = pipeline or example / "cooler.pipeline"
        self.scorer = scoring.load(self.pipeline)
        sample = contract.sample_request(self.scorer) if pipeline else (example / "request.json").read_bytes()
        self.request = sample
        self.other = self.pipeline  # another artifact of the same inputs
        self.outputs: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        recipe = folder / "terraform"
        shutil.copytree(package.template / "terraform", recipe, ignore=shutil.ignore_patterns("tests", ".*"))
        (recipe / "localstack_override.tf").write_text(OVERRIDE)
        own = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_MAX_ATTEMPTS": "3",  # a fault of LocalStack's should be told at once
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self.terraform = Terraform(
            recipe,
            state=folder / "state" / "terraform.tfstate",
            data=folder / "data",
            environment={**environment, **own},
        )
        self.variables: dict[str, Any] = {
            "architecture": package.architecture,
            "bucket": BUCKET,
            "name": NAME,
            "package_path": str(package.archive),
            "pipeline_path": str(self.pipeline),
            "runtime": package.runtime,
        }

    def deploy(self) -> None:
        """Make the user's bucket, and apply the recipe for the first time."""
        s3 = self.cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=OWN_OBJECT, Body=b"the user's")
        self.terraform.init()
        self.apply()

    def apply(self, **variables: Any) -> Plan:
        """Plan and apply, with some variables changed from now on; gives the plan."""
        begin = time.monotonic()
        self.variables |= variables
        plan = self.terraform.plan(self.variables)
        self.terraform.apply(plan)
        self.outputs = self.terraform.outputs()
        took = time.monotonic() - begin
        print(f"\nterraform plan and apply of {len(plan.changes)} changes: {took:.1f} s")
        return plan

    @property
    def url(self) -> str:
        """The address in LocalStack of what the output `url` names at AWS."""
        return f"{self.cloud.url}/_aws/execute-api/{self.outputs['rest_api_id']}/{self.outputs['stage']}"

    @property
    def function(self) -> str:
        """The function's name."""
        return str(self.outputs["function_name"])

    @cached_property
    def functions(self) -> Any:
        """A client of Lambda."""
        return self.cloud.client("lambda")

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = "",
    ) -> Answer:
        """Ask through the gateway; `key` "" is the right one, None is none."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=90)
        own = {"content-type": "application/json"} if body else {}
        if key is not None:
            own["x-api-key"] = key or self.outputs["api_key"]
        try:
            connection.request(method, parts.path + path, body=body, headers={**own, **(headers or {})})
            got = connection.getresponse()
            return Answer(got.status, got.read(), {name.lower(): value for name, value in got.getheaders()})
        finally:
            connection.close()

    def score(self, body: bytes | None = None) -> Answer:
        """Score the example's request, or another one."""
        return self.send("POST", "/model/score", body or self.request)

    @contextmanager
    def fresh(self, **environment: str) -> Iterator[str]:
        """Let `live` point at a new version with a changed environment: only cold sandboxes answer."""
        before = self.functions.get_function_configuration(FunctionName=self.function)["Environment"][
            "Variables"
        ]
        live = self.functions.get_alias(FunctionName=self.function, Name="live")["FunctionVersion"]
        version = self._published({**before, "SCORER_TEST_NONCE": secrets.token_hex(4), **environment})
        self.functions.update_alias(FunctionName=self.function, Name="live", FunctionVersion=version)
        try:
            yield version
        finally:
            self.functions.update_alias(FunctionName=self.function, Name="live", FunctionVersion=live)
            self._configured(before)
            self.functions.delete_function(FunctionName=self.function, Qualifier=version)

    def _published(self, variables: Mapping[str, str]) -> str:
        self._configured(variables)
        return str(self.functions.publish_version(FunctionName=self.function)["Version"])

    def _configured(self, variables: Mapping[str, str]) -> None:
        self.functions.update_function_configuration(
            FunctionName=self.function, Environment={"Variables": dict(variables)}
        )
        self.functions.get_waiter("function_updated_v2").wait(
            FunctionName=self.function, WaiterConfig={"Delay": 1}
        )


def other_pipeline(folder: Path, like: Path) -> Path:
    """Train a small forest on the same inputs and labels, and pack it."""
    schema = scoring.load(like).schema
    random = np.random.default_rng(5)
    X = random.normal(100, 60, size=(300, len(schema.names)))
    parameters = {"objective": "multiclass", "num_class": 3, "num_threads": 1, "verbose": -1, "seed": 1}
    data = lightgbm.Dataset(X, random.integers(0, 3, 300), feature_name=list(schema.names))
    booster = lightgbm.train(parameters, data, 5)
    path = folder / "other.pipeline"
    scoring.pack(booster, path, labels=["3", "20", "100"], target="cool_cond_y", name="other")
    return path
