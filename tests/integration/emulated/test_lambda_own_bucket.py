"""The bucket that the Lambda recipe makes when it is given none: private, encrypted, versioned, and kept."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "removed"])
def test_a_bucket_of_its_own(lambda_recipe: Callable[[], Any], keep: bool) -> None:
    recipe = lambda_recipe()
    s3 = recipe.client("s3")
    before = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    pipeline = recipe.folder / "example" / "cooler.pipeline"
    variables = {
        "name": "own", "pipeline_path": str(pipeline), "keep_bucket": keep,
        "alarms": False, "access_log": False, "queue": not keep,
    }  # fmt: skip
    terraform = recipe.terraform()
    terraform.init()

    try:
        terraform.apply(terraform.plan(variables))
        bucket = terraform.outputs()["bucket"]
        blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        versioning = s3.get_bucket_versioning(Bucket=bucket)["Status"]
        encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        (policy,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        mappings = recipe.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        again = terraform.plan(variables)
        differing = _attributes(recipe, again.path)
        if not keep:
            s3.put_object(Bucket=bucket, Key="answers.csv", Body=b"a\n1\n")
    finally:
        terraform.destroy(variables)
    after = {each["Name"] for each in s3.list_buckets()["Buckets"]}

    assert bucket.startswith("own-")
    assert set(blocked.values()) == {True}
    assert versioning == "Enabled"
    assert encryption[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert (policy["Effect"], policy["Principal"]) == ("Deny", "*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert terraform.resources() == []
    assert after - before == ({bucket} if keep else set())
    # The emulator writes the queue's JSON with blanks, and a version instead of the alias into the mapping;
    # the role's policy is planned anew because it names the queue. All else stays as it was applied.
    assert differing == (
        {}
        if keep
        else {
            "aws_iam_role_policy.function[0]": set(),
            "aws_lambda_event_source_mapping.rows[0]": {"function_name"},
            "aws_sqs_queue.rows[0]": {"redrive_policy"},
        }
    )
    assert [each["FunctionResponseTypes"] for each in mappings] == (
        [] if keep else [["ReportBatchItemFailures"]]
    )
    assert recipe.client("sqs").list_queues().get("QueueUrls", []) == []
    if keep:
        assert s3.list_object_versions(Bucket=bucket).get("Versions", []) == []
        s3.delete_bucket(Bucket=bucket)


def _attributes(recipe: Any, plan: Path) -> dict[str, set[str]]:
    """Give the attributes that a plan would change, by the address of their resource."""
    done = subprocess.run(
        ["terraform", "show", "-json", str(plan)],
        cwd=recipe.folder / "terraform", capture_output=True, text=True, check=True,
        env={**recipe.environment, "TF_DATA_DIR": str(recipe.folder / "data")},
    )  # fmt: skip
    changes = {}
    for each in json.loads(done.stdout).get("resource_changes", []):
        actions, before, after = (each["change"][key] for key in ("actions", "before", "after"))
        if actions not in (["no-op"], ["read"]):
            changes[each["address"]] = {name for name in after if (before or {}).get(name) != after[name]}
    return changes
