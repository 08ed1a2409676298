"""The SageMaker recipe really applied, changed, rolled back and destroyed, and looked at with boto3.

The emulator keeps what it is told and runs no container: that models load, scale and are captured is AWS's
part, and not shown here. What it lacks of the calls that the recipe takes is added here as AWS documents it:
moving an endpoint, network isolation, and tags of scalable targets. The container contract is asked of a real
process in the template's own tests.
"""

import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import lightgbm
import numpy as np
import pytest
import scoring
from aws_sagemaker_scorer.model_data import model_data
from cycle import Cycle, Life
from deployment.smoke import smoke
from deployment.terraform import Terraform
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

NAME = "cooler"
DIGEST = "0123456789abcdef" * 4
IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/scorer@sha256:{DIGEST}"
OVERRIDE = """provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""

AWS = """#!{python}
import sys, urllib.error, urllib.request
words = dict(zip(sys.argv[3::2], sys.argv[4::2]))
assert sys.argv[1:3] == ["sagemaker-runtime", "invoke-endpoint"] and words["--endpoint-name"] == "cooler"
body = open(words["--body"].removeprefix("fileb://"), "rb").read()
request = urllib.request.Request("http://127.0.0.1:{port}/invocations", body)
request.add_header("content-type", words["--content-type"])
try:
    with urllib.request.urlopen(request, timeout=10) as answer, open(sys.argv[-1], "wb") as file:
        file.write(answer.read())
except OSError as error:
    sys.exit(str(error))
print('{{"ContentType": "application/json", "InvokedProductionVariant": "live"}}')
"""
"""What stands for the AWS command line: it carries the body to a container here, and prints as that one."""


@dataclass
class Story:
    """A deployment's life, and what was seen beside it after the first apply."""

    life: Life
    seen: dict[str, Any]

    @property
    def outputs(self) -> dict[str, Any]:
        return self.life.stages["apply"].outputs

    def endpoint(self, step: str) -> dict[str, Any]:
        found: dict[str, Any] = self.life.stages[step].seen
        return found


def _client(emulator: Any, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=emulator.url, region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip


def _other(path: Path) -> None:
    X = np.arange(60.0).reshape(-1, 2)
    quiet = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 2}
    scoring.pack(lightgbm.train(quiet, lightgbm.Dataset(X, X[:, 0]), 2), path, target="price")


def _update_endpoint(self: Any) -> ActionResult:
    endpoint = self.sagemaker_backend.endpoints[self._get_param("EndpointName")]
    config = self._get_param("EndpointConfigName")
    assert config in self.sagemaker_backend.endpoint_configs
    endpoint.endpoint_config_name = config
    return ActionResult({"EndpointArn": endpoint.arn})


@pytest.fixture(scope="module")
def whole_emulator(emulator: Any) -> Iterator[Any]:
    """The emulator, with the three things that it lacks."""
    create, register = SageMakerResponse.create_model, ApplicationAutoScalingResponse.register_scalable_target
    tags: dict[str, dict[str, str]] = {}

    def create_model(self: Any) -> Any:
        answer = create(self)
        model = self.sagemaker_backend._models[self._get_param("ModelName")]
        model.enable_network_isolation = self._get_param("EnableNetworkIsolation") or False
        model.vpc_config = model.vpc_config or None
        return answer

    def register_scalable_target(self: Any) -> str:
        answer = register(self)
        tags[json.loads(answer)["ScalableTargetARN"]] = self._get_param("Tags") or {}
        return answer

    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"Tags": tags[self._get_param("ResourceARN")]})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SageMakerResponse, "update_endpoint", _update_endpoint, raising=False)
        patch.setattr(SageMakerResponse, "create_model", create_model)
        scaling = ApplicationAutoScalingResponse
        patch.setattr(scaling, "register_scalable_target", register_scalable_target)
        patch.setattr(scaling, "list_tags_for_resource", list_tags_for_resource, raising=False)
        yield emulator


@pytest.fixture(scope="module")
def story(
    root: Path,
    whole_emulator: Any,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    """One deployment's life, from the first apply to nothing."""
    emulator = whole_emulator
    folder = tmp_path_factory.mktemp("sagemaker") / "scorer"
    for name in ("terraform", "example"):
        left_out = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        shutil.copytree(root / "aws-sagemaker-scorer" / name, folder / name, ignore=left_out)
    (folder / "terraform" / "emulator_override.tf").write_text(OVERRIDE)
    first, second = folder / "example" / "cooler.pipeline", folder / "price.pipeline"
    _other(second)
    for path in (first, second):
        model_data(path, folder / "build" / "models")
    terraform = Terraform(
        folder / "terraform", state=folder / "terraform.tfstate", data=folder / "data",
        environment={
            **terraform_environment, "AWS_ENDPOINT_URL": emulator.url,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        },
    )  # fmt: skip
    variables = {
        "name": NAME, "image": IMAGE, "tags": {"owner": "rig"}, "capture_percent": 10,
        "max_instances": 3, "settings": {"SCORER_LENIENT": "true"}, "pipeline_path": str(first),
    }  # fmt: skip
    life = Life(
        root / "aws-sagemaker-scorer", terraform, variables, second,
        answering=lambda _: _answering(emulator), there=lambda: _there(emulator),
        look=lambda: _endpoint(emulator),
    )  # fmt: skip
    with life:
        life.step("apply", life.variables)
        seen = _seen(emulator, life)
        life.step("change", life.changed)
        life.step("rollback", life.back)
    return Story(life, seen)


@pytest.fixture(params=["aws-sagemaker-scorer"])
def life(story: Story) -> Life:
    return story.life


class TestCycle(Cycle):
    pass


def _answering(emulator: Any) -> str:
    """The digest of the artifact in the model that the endpoint's configuration names."""
    place = _endpoint(emulator)["model"]["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://")
    bucket, key = place.split("/", 1)
    body = _client(emulator, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        (member,) = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        return hashlib.sha256(file.read()).hexdigest()


def _endpoint(emulator: Any) -> dict[str, Any]:
    sagemaker = _client(emulator, "sagemaker")
    found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=NAME)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    (variant,) = config["ProductionVariants"]
    return {**config, "variant": variant, "model": sagemaker.describe_model(ModelName=variant["ModelName"])}


def _seen(emulator: Any, life: Life) -> dict[str, Any]:
    iam, bucket = _client(emulator, "iam"), life.stages["apply"].outputs["bucket"]
    scaling, sagemaker = _client(emulator, "application-autoscaling"), _client(emulator, "sagemaker")
    role = f"{NAME}-us-east-1"
    model = sagemaker.list_models()["Models"][0]["ModelArn"]
    return {
        "objects": _client(emulator, "s3").list_objects_v2(Bucket=bucket)["Contents"],
        "model": _client(emulator, "s3")
        .get_object(Bucket=bucket, Key=f"{NAME}/{life.digests[0]}.tar.gz")["Body"]
        .read(),
        "public": _client(emulator, "s3").get_public_access_block(Bucket=bucket),
        "policy": iam.get_role_policy(RoleName=role, PolicyName="scorer")["PolicyDocument"],
        "trusted": iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"],
        "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
        "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"],
        "logs": _logs(emulator),
        "tags": sagemaker.list_tags(ResourceArn=model)["Tags"],
    }


def _logs(emulator: Any) -> dict[str, int]:
    groups = _client(emulator, "logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker/")["logGroups"]
    return {group["logGroupName"]: group["retentionInDays"] for group in groups}


def _there(emulator: Any) -> dict[str, Any]:
    sagemaker, scaling = _client(emulator, "sagemaker"), _client(emulator, "application-autoscaling")
    buckets = _client(emulator, "s3").list_buckets()["Buckets"]
    roles = _client(emulator, "iam").list_roles()["Roles"]
    return {
        "models": sagemaker.list_models()["Models"],
        "configurations": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
        "buckets": [one["Name"] for one in buckets if one["Name"].startswith(f"{NAME}-2")],
        "roles": [one["RoleName"] for one in roles if one["RoleName"] == f"{NAME}-us-east-1"],
        "logs": _logs(emulator),
    }


def test_the_endpoint_serves_the_artifact_by_its_digest(story: Story) -> None:
    found, bucket = story.endpoint("apply"), story.outputs["bucket"]
    container = found["model"]["PrimaryContainer"]

    assert container["Image"] == IMAGE
    assert container["ModelDataUrl"] == f"s3://{bucket}/{NAME}/{story.life.digests[0]}.tar.gz"
    assert container["Environment"] == {"SCORER_LENIENT": "true"}
    assert found["model"]["EnableNetworkIsolation"] is True
    assert (found["variant"]["InstanceType"], found["variant"]["InitialInstanceCount"]) == ("ml.c5.large", 1)
    assert [one["Key"] for one in story.seen["objects"]] == [f"{NAME}/{story.life.digests[0]}.tar.gz"]
    assert {"Key": "owner", "Value": "rig"} in story.seen["tags"]


def test_one_request_in_ten_is_captured_below_the_name(story: Story) -> None:
    capture = story.endpoint("apply")["DataCaptureConfig"]

    assert (capture["EnableCapture"], capture["InitialSamplingPercentage"]) == (True, 10)
    assert capture["DestinationS3Uri"] == f"s3://{story.outputs['bucket']}/{NAME}/captured"


def test_instances_follow_the_load(story: Story) -> None:
    (target,), (policy,) = story.seen["targets"], story.seen["policies"]

    assert target["ResourceId"] == policy["ResourceId"] == f"endpoint/{NAME}/variant/live"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 6000


def test_the_role_may_read_one_model_one_image_and_write_what_is_its_own(story: Story) -> None:
    statements = {each["Sid"]: each for each in story.seen["policy"]["Statement"]}
    place = f"arn:aws:s3:::{story.outputs['bucket']}/{NAME}"

    assert set(statements) == {"Capture", "Image", "Logs", "Metrics", "Model", "Token"}
    assert statements["Model"]["Action"] == "s3:GetObject"
    assert statements["Model"]["Resource"] == f"{place}/{story.life.digests[0]}.tar.gz"
    assert statements["Capture"]["Resource"] == f"{place}/captured/*"
    assert statements["Image"]["Resource"] == "arn:aws:ecr:us-east-1:123456789012:repository/team/scorer"
    assert statements["Logs"]["Resource"].endswith(f":log-group:/aws/sagemaker/Endpoints/{NAME}:*")
    assert [sid for sid, each in statements.items() if each["Resource"] == "*"] == ["Token", "Metrics"]
    (trust,) = story.seen["trusted"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_the_bucket_is_closed_and_lines_are_not_kept_for_ever(story: Story) -> None:
    assert all(story.seen["public"]["PublicAccessBlockConfiguration"].values())
    assert story.seen["logs"] == {f"/aws/sagemaker/Endpoints/{NAME}": 30}


def test_another_artifact_is_another_configuration_and_the_same_endpoint(story: Story) -> None:
    changed = sorted(
        (change.address.split("[")[0], change.actions) for change in story.life.stages["change"].changes
    )

    assert ("aws_sagemaker_endpoint.scorer", ("update",)) in changed
    assert {name for name, actions in changed if actions == ("create",)} == {
        "aws_s3_object.model", "aws_sagemaker_endpoint_configuration.scorer", "aws_sagemaker_model.scorer"
    }  # fmt: skip
    assert not [change for change in changed if "delete" in change[1]]
    assert story.life.stages["change"].outputs["release"] == story.life.digests[1]
    container = story.endpoint("change")["model"]["PrimaryContainer"]
    assert container["ModelDataUrl"].endswith(f"{story.life.digests[1]}.tar.gz")


def test_release_goes_back(story: Story) -> None:
    changes = story.life.stages["rollback"].changes

    assert [change.address for change in changes] == ["aws_sagemaker_endpoint.scorer"]
    names = [story.endpoint(step)["EndpointConfigName"] for step in ("apply", "rollback")]
    assert names[0] == names[1]


def test_the_score_command_sends_the_sample_of_the_artifact_that_answers(story: Story) -> None:
    for step, digest in (("change", story.life.digests[1]), ("rollback", story.life.digests[0])):
        command = story.life.stages[step].outputs["score_command"]
        place = command.split("fileb://")[1].split("'")[0]

        assert place.endswith(f"/build/models/{digest}.json")
        assert json.loads(Path(place).read_bytes())["rows"]
        assert f"--endpoint-name {NAME} " in command


def test_the_uploaded_model_answers_the_score_command_as_the_artifact_does_here(
    story: Story, root: Path, tmp_path: Path
) -> None:
    """SageMaker's part is played here: unpack the object, start the container, carry the body to it."""
    with tarfile.open(fileobj=io.BytesIO(story.seen["model"])) as archive:
        archive.extractall(tmp_path / "model", filter="data")
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    (tmp_path / "aws").write_text(AWS.format(python=sys.executable, port=port))
    (tmp_path / "aws").chmod(0o755)
    environment = {**os.environ, "HOST": "127.0.0.1", "MODEL_DIR": str(tmp_path / "model")}
    environment |= {"SAGEMAKER_BIND_TO_PORT": str(port), "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    command = [sys.executable, "-m", "aws_sagemaker_scorer", "serve"]
    told: list[str] = []
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            scorer = scoring.load(root / "aws-sagemaker-scorer" / "example" / "cooler.pipeline")
            path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
            smoke("http", story.outputs, scorer, told.append, {**os.environ, "PATH": path}, 30)
        finally:
            process.terminate()

    assert "byte for byte" in told[0]
