# What the recipe refuses before it makes anything.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:cooler" }
  }
}

variables {
  bucket        = "my-artifacts"
  name          = "cooler"
  package_path  = "./versions.tf"
  pipeline_path = "./../example/cooler.pipeline"
}

run "alarm_email" {
  command = plan
  variables {
    alarm_email = "nobody"
  }
  expect_failures = [var.alarm_email]
}

run "alarm_p99_ms" {
  command = plan
  variables {
    alarm_p99_ms = 0
  }
  expect_failures = [var.alarm_p99_ms]
}

run "alarm_topic_arn" {
  command = plan
  variables {
    alarm_topic_arn = "alarms"
  }
  expect_failures = [var.alarm_topic_arn]
}

run "architecture" {
  command = plan
  variables {
    architecture = "amd64"
  }
  expect_failures = [var.architecture]
}

run "batch_location" {
  command = plan
  variables {
    batch_location = "my-data/scoring"
  }
  expect_failures = [var.batch_location]
}

run "bucket" {
  command = plan
  variables {
    bucket = "s3://my-artifacts"
  }
  expect_failures = [var.bucket]
}

run "burst_limit" {
  command = plan
  variables {
    burst_limit = 0
  }
  expect_failures = [var.burst_limit]
}

run "canary_version" {
  command = plan
  variables {
    canary_version = "$LATEST"
  }
  expect_failures = [var.canary_version]
}

run "canary_weight" {
  command = plan
  variables {
    canary_weight = 1.5
  }
  expect_failures = [var.canary_weight]
}

run "kms_key_arn" {
  command = plan
  variables {
    kms_key_arn = "alias/mine"
  }
  expect_failures = [var.kms_key_arn]
}

run "layers" {
  command = plan
  variables {
    layers = ["1", "2", "3", "4", "5", "6"]
  }
  expect_failures = [var.layers]
}

run "log_retention_days" {
  command = plan
  variables {
    log_retention_days = 10
  }
  expect_failures = [var.log_retention_days]
}

run "memory_mb" {
  command = plan
  variables {
    memory_mb = 64
  }
  expect_failures = [var.memory_mb]
}

run "name" {
  command = plan
  variables {
    name = "Cooler_1"
  }
  expect_failures = [var.name]
}

run "permissions_boundary" {
  command = plan
  variables {
    permissions_boundary = "boundary"
  }
  expect_failures = [var.permissions_boundary]
}

run "pipeline_uri" {
  command = plan
  variables {
    pipeline_uri = "/tmp/mine.pipeline"
  }
  expect_failures = [var.pipeline_uri]
}

run "provisioned_concurrency" {
  command = plan
  variables {
    provisioned_concurrency = -1
  }
  expect_failures = [var.provisioned_concurrency]
}

run "quota_limit" {
  command = plan
  variables {
    quota_limit = 0
  }
  expect_failures = [var.quota_limit]
}

run "quota_period" {
  command = plan
  variables {
    quota_period = "YEAR"
  }
  expect_failures = [var.quota_period]
}

run "rate_limit" {
  command = plan
  variables {
    rate_limit = 0
  }
  expect_failures = [var.rate_limit]
}

run "region" {
  command = plan
  variables {
    region = "Ireland"
  }
  expect_failures = [var.region]
}

run "release" {
  command = plan
  variables {
    release = "live"
  }
  expect_failures = [var.release]
}

run "reserved_concurrency" {
  command = plan
  variables {
    reserved_concurrency = -1
  }
  expect_failures = [var.reserved_concurrency]
}

run "role_arn" {
  command = plan
  variables {
    role_arn = "scorer"
  }
  expect_failures = [var.role_arn]
}

run "runtime" {
  command = plan
  variables {
    runtime = "python3.10"
  }
  expect_failures = [var.runtime]
}

run "settings" {
  command = plan
  variables {
    settings = { PIPELINE_URI = "s3://other" }
  }
  expect_failures = [var.settings]
}

run "tags" {
  command = plan
  variables {
    tags = { template = "mine" }
  }
  expect_failures = [var.tags]
}

run "timeout_s" {
  command = plan
  variables {
    timeout_s = 901
  }
  expect_failures = [var.timeout_s]
}

run "no_package" {
  command = plan
  variables {
    package_path = "./build/none.zip"
  }
  expect_failures = [aws_lambda_function.scorer]
}

run "no_artifact" {
  command = plan
  variables {
    pipeline_path = "./none.pipeline"
  }
  expect_failures = [aws_s3_object.artifact]
}

run "no_artifact_for_a_layer" {
  command = plan
  variables {
    pipeline_path = "./none.pipeline"
    pipeline_uri  = "/opt/none.pipeline"
  }
  expect_failures = [aws_lambda_function.scorer]
}

run "no_kept_artifact" {
  command = plan
  variables {
    kept_pipeline_paths = ["./none.pipeline"]
  }
  expect_failures = [aws_s3_object.artifact]
}

run "old_runtime_with_snap_start" {
  command = plan
  variables {
    snap_start = true
  }
  expect_failures = [aws_lambda_function.scorer]
}

run "snap_start_and_provisioned" {
  command = plan
  variables {
    provisioned_concurrency = 1
    runtime                 = "python3.13"
    snap_start              = true
  }
  expect_failures = [aws_lambda_function.scorer]
}

run "subnets_alone" {
  command = plan
  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [aws_lambda_function.scorer]
}

run "weight_without_version" {
  command = plan
  variables {
    canary_weight = 0.5
  }
  expect_failures = [aws_lambda_alias.live]
}

run "canary_is_the_release" {
  command = plan
  variables {
    canary_version = "2"
    canary_weight  = 0.5
    release        = "2"
  }
  expect_failures = [aws_lambda_alias.live]
}
