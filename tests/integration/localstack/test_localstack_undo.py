"""Destroying: what the recipe made is gone, what was the user's is there."""

import time
from typing import Any

from localstack_service import BUCKET, NAME, OWN_OBJECT


def test_destroy_leaves_nothing_but_the_users_bucket(service: Any) -> None:
    begin = time.monotonic()
    service.terraform.destroy(service.variables)
    print(f"\nterraform destroy: {time.monotonic() - begin:.1f} s")

    assert service.terraform.resources() == []
    left = _left(service.cloud.client)
    assert left.pop("buckets") == [BUCKET]
    assert left.pop("objects") == [OWN_OBJECT]
    assert left == {name: [] for name in left}


def _left(client: Any) -> dict[str, list[str]]:
    """Name what there is in the account, by kind."""
    gateway, logs, iam = client("apigateway"), client("logs"), client("iam")
    return {
        "alarms": [a["AlarmName"] for a in client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "apis": [a["name"] for a in gateway.get_rest_apis()["items"]],
        "buckets": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
        "functions": [f["FunctionName"] for f in client("lambda").list_functions()["Functions"]],
        "keys": [k["name"] for k in gateway.get_api_keys()["items"]],
        "logs": [
            g["logGroupName"] for g in logs.describe_log_groups()["logGroups"] if NAME in g["logGroupName"]
        ],
        "objects": [o["Key"] for o in client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])],
        "plans": [p["name"] for p in gateway.get_usage_plans()["items"]],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "roles": [r["RoleName"] for r in iam.list_roles()["Roles"] if NAME in r["RoleName"]],
        "topics": [t["TopicArn"] for t in client("sns").list_topics()["Topics"]],
    }
