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
from dataclasses import dataclass, field
from typing import Any

import pytest

BUCKET = "the-users-bucket"
NAME = "cooler"


@dataclass
class Story:
    """What was seen at each step of a deployment's life."""

    recipe: Any
    digests: dict[str, str] = field(default_factory=dict)
    changes: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, set[str]] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    left: dict[str, Any] = field(default_factory=dict)
    permissions: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def story(lambda_recipe: Callable[[], Any]) -> Story:
    """One deployment's life in the user's own bucket, from the first apply to nothing."""
    recipe = lambda_recipe()
    story = Story(recipe)
    s3 = recipe.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="cooler/notes.txt", Body=b"mine")
    first = recipe.folder / "example" / "cooler.pipeline"
    second = recipe.folder / "example" / "second.pipeline"
    second.write_bytes(first.read_bytes() + b"\n")  # the emulator does not load it
    story.digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)}
    recipe.server.permissions.clear()
    basic = {
        "name": NAME,
        "bucket": BUCKET,
        "pipeline_path": str(first),
        "tags": {"owner": "rig"},
    }
    newer = {**basic, "pipeline_path": str(second), "kept_pipeline_paths": [str(first)]}
    terraform = recipe.terraform()
    terraform.init()
    began = time.monotonic()
    try:
        _step(story, terraform, "made", basic)
        story.resources = _look(recipe)
        _step(story, terraform, "changed", newer)
        _step(story, terraform, "rolled back", {**newer, "release": "1"}, again=False)
        _step(
            story,
            terraform,
            "canary",
            {**newer, "release": "1", "canary_version": "2", "canary_weight": 0.25},
        )
    finally:
        (recipe.folder / "build" / "function.zip").unlink()
        shutil.rmtree(recipe.folder / "example")
        destroyed = time.monotonic()
        terraform.destroy(basic)  # with neither package nor artifact
    story.seconds["destroy"] = time.monotonic() - destroyed
    story.seconds["cycle"] = time.monotonic() - began
    # The override skips the usual question who calls, so the provider tries this one, and does without it.
    story.permissions = recipe.server.permissions - {"iam:GetUser"}
    story.left = {**_leftovers(recipe), "state": terraform.resources()}
    print("seconds:", {name: round(seconds, 1) for name, seconds in story.seconds.items()})
    return story


def _step(story: Story, terraform: Any, name: str, variables: dict[str, Any], again: bool = True) -> None:
    """Apply, see what is there, and plan again."""
    began = time.monotonic()
    plan = terraform.plan(variables)
    terraform.apply(plan)
    story.seconds[name] = time.monotonic() - began
    story.changes[name] = plan.changes
    story.outputs[name] = terraform.outputs()
    story.aliases[name] = story.recipe.client("lambda").get_alias(FunctionName=NAME, Name="live")
    listed = story.recipe.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    story.objects[name] = {each["Key"] for each in listed}
    if again:
        story.changes[f"{name}, again"] = terraform.plan(variables).changes


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


def _leftovers(recipe: Any) -> dict[str, Any]:
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


def _key(story: Story, name: str) -> str:
    return f"{NAME}/{story.digests[name]}.pipeline"


def test_the_artifact_lies_at_its_digest(story: Story) -> None:
    assert story.objects["made"] == {"cooler/notes.txt", _key(story, "cooler.pipeline")}
    assert story.outputs["made"]["pipeline_digest"] == story.digests["cooler.pipeline"]


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
        "PIPELINE_DIGEST": story.digests["cooler.pipeline"],
        "PIPELINE_URI": f"s3://{BUCKET}/{_key(story, 'cooler.pipeline')}",
    }
    assert found["Tags"] == {"deployment": NAME, "owner": "rig", "template": "aws-lambda-scorer"}
    assert story.aliases["made"]["FunctionVersion"] == "1"


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
    assert story.outputs["made"]["api_key"] == key["value"]


def test_the_role_may_read_one_object_and_write_its_own_log(story: Story) -> None:
    statements = {each["Sid"]: each for each in story.resources["policy"]["Statement"]}

    assert story.resources["policies"] == ["scorer"]
    assert story.resources["attached"] == []
    assert set(statements) == {"Artifact", "Logs"}
    assert statements["Artifact"]["Action"] == "s3:GetObject"
    assert statements["Artifact"]["Resource"] == f"arn:aws:s3:::{BUCKET}/{_key(story, 'cooler.pipeline')}"
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
    outputs = story.outputs["made"]

    assert outputs["url"] == f"https://{outputs['rest_api_id']}.execute-api.us-east-1.amazonaws.com/v1"
    assert outputs["score_command"].count(outputs["url"]) == 2
    assert outputs["api_key"] not in outputs["score_command"]
    assert outputs["logs_command"].startswith(f"aws logs tail /aws/lambda/{NAME} ")
    assert outputs["release"] == "1"


@pytest.mark.parametrize("step", ["made", "changed", "canary"])
def test_the_next_plan_is_empty(story: Story, step: str) -> None:
    assert story.changes[f"{step}, again"] == ()


def test_a_model_only_change_publishes_and_moves_the_alias(story: Story) -> None:
    changed = {(change.address.split("[")[0], change.actions) for change in story.changes["changed"]}

    assert changed == {
        ("aws_s3_object.artifact", ("create",)),
        ("aws_iam_role_policy.function", ("update",)),
        ("aws_lambda_function.scorer", ("update",)),
        ("aws_lambda_alias.live", ("update",)),
    }
    assert story.aliases["changed"]["FunctionVersion"] == story.outputs["changed"]["release"] == "2"
    assert {_key(story, name) for name in story.digests} < story.objects["changed"]


def test_release_goes_back(story: Story) -> None:
    assert [change.address for change in story.changes["rolled back"]] == ["aws_lambda_alias.live"]
    assert story.aliases["rolled back"]["FunctionVersion"] == story.outputs["rolled back"]["release"] == "1"


def test_a_canary_gets_its_share(story: Story) -> None:
    assert [change.address for change in story.changes["canary"]] == ["aws_lambda_alias.live"]
    assert story.aliases["canary"]["FunctionVersion"] == "1"
    assert story.aliases["canary"]["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}


def test_nothing_is_left_but_what_is_the_users(story: Story) -> None:
    left = {kind: found for kind, found in story.left.items() if found}

    assert left == {"buckets": [BUCKET], "objects": ["cooler/notes.txt"]}


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
    assert story.seconds["made"] < 120
    assert story.seconds["cycle"] < 480
