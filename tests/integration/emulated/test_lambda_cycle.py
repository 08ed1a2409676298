"""The Lambda recipe really applied, changed, rolled back and destroyed, each resource looked at with boto3.

The emulator keeps what it is told and runs no code: that key, throttle, quota and policies are enforced is
AWS's part, and not shown here.
"""

import fnmatch
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cycle import Cycle, Life

BUCKET = "the-users-bucket"
NAME = "cooler"


@dataclass
class Story:
    """A deployment's life, and what was seen beside it."""

    recipe: Any
    life: Life
    resources: dict[str, Any]
    permissions: set[str]
    seconds: float

    @property
    def outputs(self) -> dict[str, Any]:
        return self.life.stages["apply"].outputs

    def alias(self, step: str) -> dict[str, Any]:
        found: dict[str, Any] = self.life.stages[step].seen["alias"]
        return found

    def changes(self, step: str) -> list[tuple[str, tuple[str, ...]]]:
        """What a step did: names of resources without their keys, and actions."""
        return [(each.address.split("[")[0], each.actions) for each in self.life.stages[step].changes]


@pytest.fixture(scope="module")
def story(root: Any, lambda_recipe: Callable[[], Any]) -> Story:
    """One deployment's life in the user's own bucket, from the first apply to nothing."""
    recipe = lambda_recipe()
    s3 = recipe.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="cooler/notes.txt", Body=b"mine")
    first = recipe.folder / "example" / "cooler.pipeline"
    second = recipe.folder / "example" / "second.pipeline"
    second.write_bytes(first.read_bytes() + b"\n")  # the emulator does not load it
    recipe.server.permissions.clear()
    began = time.monotonic()
    basic = {"name": NAME, "bucket": BUCKET, "pipeline_path": str(first), "tags": {"owner": "rig"}}
    life = Life(
        root / "aws-lambda-scorer", recipe.terraform(), basic, second,
        answering=lambda _: _answering(recipe), there=lambda: _there(recipe), look=lambda: _seen(recipe),
    )  # fmt: skip
    with life:
        life.step("apply", life.variables)
        resources = _look(recipe)
        life.step("change", life.changed)
        life.step("rollback", life.back)
        life.step("canary", {**life.back, "canary_version": "2", "canary_weight": 0.25})
        # What follows, destroying, needs neither package nor artifact.
        (recipe.folder / "build" / "function.zip").unlink()
        shutil.rmtree(recipe.folder / "example")
    # The override skips the usual question who calls, so the provider tries this one, and does without it.
    permissions = recipe.server.permissions - {"iam:GetUser"}
    story = Story(recipe, life, resources, permissions, time.monotonic() - began)
    print("seconds:", {name: round(stage.seconds, 1) for name, stage in life.stages.items()}, story.seconds)
    return story


@pytest.fixture(params=["aws-lambda-scorer"])
def life(story: Story) -> Life:
    return story.life


class TestCycle(Cycle):
    pass


def _answering(recipe: Any) -> str:
    """The digest of the object that the function behind the alias was told to load."""
    found = recipe.client("lambda").get_function(FunctionName=NAME, Qualifier="live")["Configuration"]
    settings = found["Environment"]["Variables"]
    bucket, key = settings["PIPELINE_URI"].removeprefix("s3://").split("/", 1)
    body = recipe.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert settings["PIPELINE_DIGEST"] == hashlib.sha256(body).hexdigest()
    return hashlib.sha256(body).hexdigest()


def _seen(recipe: Any) -> dict[str, Any]:
    listed = recipe.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    return {
        "alias": recipe.client("lambda").get_alias(FunctionName=NAME, Name="live"),
        "objects": {each["Key"] for each in listed},
    }


def _look(recipe: Any) -> dict[str, Any]:
    """Ask for everything that the first apply made."""
    function, gateway, iam = recipe.client("lambda"), recipe.client("apigateway"), recipe.client("iam")
    (api,) = gateway.get_rest_apis()["items"]
    (plan,) = gateway.get_usage_plans()["items"]
    (role,) = [role for role in iam.list_roles()["Roles"] if role["RoleName"].startswith(NAME)]
    routes = {each["path"]: each["id"] for each in gateway.get_resources(restApiId=api["id"])["items"]}
    paths = {path: key for path, key in routes.items() if path in ("/", "/{proxy+}")}
    return {
        "function": function.get_function(FunctionName=NAME),
        "permission": json.loads(function.get_policy(FunctionName=NAME, Qualifier="live")["Policy"]),
        "api": api,
        "routes": routes,
        "methods": {
            path: gateway.get_method(restApiId=api["id"], resourceId=key, httpMethod="ANY")
            for path, key in paths.items()
        },
        "stage": gateway.get_stage(restApiId=api["id"], stageName="v1"),
        "plan": plan,
        "plan keys": gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"],
        "keys": gateway.get_api_keys(includeValues=True)["items"],
        "role": role,
        "role tags": iam.list_role_tags(RoleName=role["RoleName"])["Tags"],
        "policies": iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"],
        "attached": iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"],
        "policy": iam.get_role_policy(RoleName=role["RoleName"], PolicyName="scorer")["PolicyDocument"],
        "logs": recipe.client("logs").describe_log_groups()["logGroups"],
        "alarms": recipe.client("cloudwatch").describe_alarms()["MetricAlarms"],
    }


def _there(recipe: Any) -> dict[str, Any]:
    gateway = recipe.client("apigateway")
    s3 = recipe.client("s3")
    return {
        "functions": recipe.client("lambda").list_functions()["Functions"],
        "mappings": recipe.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "apis": gateway.get_rest_apis()["items"],
        "plans": gateway.get_usage_plans()["items"],
        "keys": gateway.get_api_keys()["items"],
        "roles": recipe.client("iam").list_roles()["Roles"],
        "logs": recipe.client("logs").describe_log_groups()["logGroups"],
        "alarms": recipe.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "queues": recipe.client("sqs").list_queues().get("QueueUrls", []),
        "topics": recipe.client("sns").list_topics()["Topics"],
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "objects": [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]],
    }


def _key(story: Story, place: int) -> str:
    return f"{NAME}/{story.life.digests[place]}.pipeline"


def test_the_artifact_lies_at_its_digest(story: Story) -> None:
    assert story.life.stages["apply"].seen["objects"] == {"cooler/notes.txt", _key(story, 0)}


def test_the_function_is_configured(story: Story) -> None:
    found = story.resources["function"]
    configuration = found["Configuration"]

    assert configuration["Handler"] == "aws_lambda_scorer.handler.handle"
    assert configuration["Runtime"] == "python3.11"
    assert configuration["Architectures"] == ["arm64"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (1024, 29)
    assert configuration["TracingConfig"] == {"Mode": "PassThrough"}
    assert configuration["Role"] == story.resources["role"]["Arn"]
    assert configuration["Environment"]["Variables"] == {
        "PIPELINE_DIGEST": story.life.digests[0],
        "PIPELINE_URI": f"s3://{BUCKET}/{_key(story, 0)}",
    }
    assert found["Tags"] == {"deployment": NAME, "owner": "rig", "template": "aws-lambda-scorer"}
    assert story.alias("apply")["FunctionVersion"] == "1"


def test_the_gateway_sends_every_route_to_the_release_and_asks_for_the_key(story: Story) -> None:
    assert set(story.resources["routes"]) == {"/", "/{proxy+}"}
    for method in story.resources["methods"].values():
        assert method["apiKeyRequired"] is True
        integration = method["methodIntegration"]
        assert integration["type"] == "AWS_PROXY"
        assert f":function:{NAME}:live/invocations" in integration["uri"]
    (statement,) = story.resources["permission"]["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert story.resources["api"]["id"] in json.dumps(statement["Condition"])


def test_the_stage_logs_without_queries_and_throttles(story: Story) -> None:
    stage = story.resources["stage"]
    log = json.loads(stage["accessLogSettings"]["format"])

    assert stage["accessLogSettings"]["destinationArn"].endswith(f":/aws/apigateway/{NAME}")
    assert not [value for value in log.values() if "query" in value.lower() or "body" in value.lower()]
    settings = stage["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (50, 100)
    assert settings["dataTraceEnabled"] is False
    assert stage["tags"]["deployment"] == NAME


def test_the_key_is_in_a_plan_with_rate_burst_and_quota(story: Story) -> None:
    plan = story.resources["plan"]

    assert (plan["throttle"]["rateLimit"], plan["throttle"]["burstLimit"]) == (50, 100)
    assert (plan["quota"]["limit"], plan["quota"]["period"]) == (1000000, "MONTH")
    assert [(each["apiId"], each["stage"]) for each in plan["apiStages"]] == [
        (story.resources["api"]["id"], "v1")
    ]
    (key,) = story.resources["keys"]
    assert [each["id"] for each in story.resources["plan keys"]] == [key["id"]]
    assert story.outputs["api_key"] == key["value"]


def test_the_role_may_read_one_object_and_write_its_own_log(story: Story) -> None:
    statements = {each["Sid"]: each for each in story.resources["policy"]["Statement"]}

    assert story.resources["policies"] == ["scorer"]
    assert story.resources["attached"] == []
    assert set(statements) == {"Artifact", "Logs"}
    assert statements["Artifact"]["Action"] == "s3:GetObject"
    assert statements["Artifact"]["Resource"] == f"arn:aws:s3:::{BUCKET}/{_key(story, 0)}"
    assert statements["Logs"]["Resource"].endswith(f":log-group:/aws/lambda/{NAME}:*")
    trusted = story.resources["role"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trusted] == [{"Service": "lambda.amazonaws.com"}]
    assert {"Key": "owner", "Value": "rig"} in story.resources["role tags"]


def test_logs_end_and_alarms_watch(story: Story) -> None:
    kept = {group["logGroupName"]: group["retentionInDays"] for group in story.resources["logs"]}
    alarms = {alarm["AlarmName"]: alarm for alarm in story.resources["alarms"]}

    assert kept == {f"/aws/lambda/{NAME}": 30, f"/aws/apigateway/{NAME}": 30}
    assert set(alarms) == {f"{NAME}-{kind}" for kind in ("errors", "failures", "p99", "throttles")}
    assert alarms[f"{NAME}-errors"]["MetricName"] == "Errors"
    assert {"Name": "Resource", "Value": f"{NAME}:live"} in alarms[f"{NAME}-errors"]["Dimensions"]
    assert alarms[f"{NAME}-p99"]["ExtendedStatistic"] == "p99"
    assert alarms[f"{NAME}-p99"]["Threshold"] == 1000


def test_the_outputs_can_be_pasted(story: Story) -> None:
    outputs = story.outputs

    assert outputs["url"] == f"https://{outputs['rest_api_id']}.execute-api.us-east-1.amazonaws.com/v1"
    assert outputs["score_command"].count(outputs["url"]) == 2
    assert outputs["api_key"] not in outputs["score_command"]
    assert outputs["logs_command"].startswith(f"aws logs tail /aws/lambda/{NAME} ")
    assert outputs["release"] == "1"


def test_a_model_only_change_publishes_and_moves_the_alias(story: Story) -> None:
    stage = story.life.stages["change"]

    assert set(story.changes("change")) == {
        ("aws_s3_object.artifact", ("create",)),
        ("aws_iam_role_policy.function", ("update",)),
        ("aws_lambda_function.scorer", ("update",)),
        ("aws_lambda_alias.live", ("update",)),
    }
    assert story.alias("change")["FunctionVersion"] == stage.outputs["release"] == "2"
    assert {_key(story, 0), _key(story, 1)} < stage.seen["objects"]


def test_release_goes_back(story: Story) -> None:
    assert story.changes("rollback") == [("aws_lambda_alias.live", ("update",))]
    assert story.alias("rollback")["FunctionVersion"] == "1"


def test_a_canary_gets_its_share(story: Story) -> None:
    assert story.changes("canary") == [("aws_lambda_alias.live", ("update",))]
    assert story.alias("canary")["FunctionVersion"] == "1"
    assert story.alias("canary")["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}


def test_the_deployers_policy_covers_every_call(story: Story) -> None:
    policy = json.loads((story.recipe.folder / "terraform" / "deployer-policy.json").read_text())
    allowed = [action for statement in policy["Statement"] for action in _listed(statement["Action"])]

    missing = [
        name for name in sorted(story.permissions) if not any(fnmatch.fnmatch(name, one) for one in allowed)
    ]

    assert len(story.permissions) > 40
    assert missing == []


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_an_apply_is_quick(story: Story) -> None:
    # Half a minute and two minutes on a quiet machine; the bounds leave room for a busy one.
    assert story.life.stages["apply"].seconds < 120
    assert story.seconds < 480
