"""The bucket that the Lambda recipe makes when it is given none: private, encrypted, versioned, and kept."""

from collections.abc import Callable
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
        mappings = recipe.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        if not keep:
            s3.put_object(Bucket=bucket, Key="answers.csv", Body=b"a\n1\n")
    finally:
        terraform.destroy(variables)
    after = {each["Name"] for each in s3.list_buckets()["Buckets"]}

    assert bucket.startswith("own-")
    assert set(blocked.values()) == {True}
    assert versioning == "Enabled"
    assert encryption[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert terraform.resources() == []
    assert after - before == ({bucket} if keep else set())
    # The emulator forgets parts of a mapping from a queue, so no second plan is asked for here.
    assert [each["FunctionResponseTypes"] for each in mappings] == (
        [] if keep else [["ReportBatchItemFailures"]]
    )
    assert recipe.client("sqs").list_queues().get("QueueUrls", []) == []
    if keep:
        assert s3.list_object_versions(Bucket=bucket).get("Versions", []) == []
        s3.delete_bucket(Bucket=bucket)
