# No AWS at all: `terraform test`, after `make package`, with a provider that makes values up.
mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/cooler" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cooler-us-east-1" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { id = "cooler-20261123" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  image         = "123456789012.dkr.ecr.us-east-1.amazonaws.com/scorer@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  name          = "cooler"
  pipeline_path = "../example/cooler.pipeline"
}

run "defaults" {
  assert {
    condition     = aws_s3_object.model[filesha256(var.pipeline_path)].key == "cooler/${filesha256(var.pipeline_path)}.tar.gz"
    error_message = "The model lies at the artifact's digest, below the deployment's name."
  }

  assert {
    condition     = aws_sagemaker_model.scorer[filesha256(var.pipeline_path)].primary_container[0].model_data_url == "s3://cooler-20261123/cooler/${filesha256(var.pipeline_path)}.tar.gz"
    error_message = "SageMaker is told where the model is."
  }

  assert {
    condition     = aws_sagemaker_model.scorer[filesha256(var.pipeline_path)].enable_network_isolation
    error_message = "The container has no network."
  }

  assert {
    condition     = aws_sagemaker_endpoint.scorer.endpoint_config_name == aws_sagemaker_endpoint_configuration.scorer[filesha256(var.pipeline_path)].name
    error_message = "The endpoint takes the artifact's configuration."
  }

  assert {
    condition     = output.release == filesha256(var.pipeline_path) && output.api_key == null
    error_message = "The artifact answers, and asks for no key."
  }

  assert {
    condition     = output.url == "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/cooler/invocations"
    error_message = "The address is that of the endpoint."
  }

  assert {
    condition     = length(aws_appautoscaling_target.endpoint) == 0 && length(aws_sagemaker_endpoint_configuration.scorer[filesha256(var.pipeline_path)].data_capture_config) == 0
    error_message = "Nothing scales, and nothing is captured, unless asked for."
  }
}

run "scaling_and_capture_in_a_bucket_of_ones_own" {
  variables {
    bucket          = "my-artifacts"
    capture_percent = 10
    max_instances   = 4
    role_arn        = "arn:aws:iam::123456789012:role/scorer"
  }

  assert {
    condition     = aws_appautoscaling_target.endpoint[0].resource_id == "endpoint/cooler/variant/live" && aws_appautoscaling_target.endpoint[0].max_capacity == 4
    error_message = "The endpoint grows to max_instances."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.scorer[filesha256(var.pipeline_path)].data_capture_config[0].destination_s3_uri == "s3://my-artifacts/cooler/captured"
    error_message = "What is captured goes below the deployment's name."
  }

  assert {
    condition     = length(aws_s3_bucket.own) == 0 && length(aws_iam_role.model) == 0
    error_message = "Neither bucket nor role is made."
  }
}

run "serverless" {
  variables {
    serverless = { memory_mb = 1024, max_concurrency = 5 }
  }

  assert {
    condition     = one(aws_sagemaker_endpoint_configuration.scorer[filesha256(var.pipeline_path)].production_variants[0].serverless_config).memory_size_in_mb == 1024
    error_message = "The memory is what was asked for."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.scorer[filesha256(var.pipeline_path)].production_variants[0].instance_type == null
    error_message = "There are no instances."
  }
}

run "a_tag_instead_of_a_digest" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/scorer:latest"
  }

  expect_failures = [var.image]
}

run "no_artifact" {
  command = plan

  variables {
    pipeline_path = "none.pipeline"
  }

  expect_failures = [aws_s3_object.model]
}

run "no_model_data" {
  command = plan

  variables {
    pipeline_path = "versions.tf" # any file that was not packaged
  }

  expect_failures = [aws_s3_object.model]
}

run "a_release_that_is_not_kept" {
  command = plan

  variables {
    release = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  expect_failures = [aws_sagemaker_endpoint.scorer]
}

run "serverless_that_scales" {
  command = plan

  variables {
    max_instances = 2
    serverless    = { memory_mb = 1024, max_concurrency = 5 }
  }

  expect_failures = [aws_sagemaker_endpoint.scorer]
}

run "an_odd_memory" {
  command = plan

  variables {
    serverless = { memory_mb = 1000, max_concurrency = 5 }
  }

  expect_failures = [var.serverless]
}

run "a_secret_in_the_settings" {
  command = plan

  variables {
    settings = { AWS_SECRET_ACCESS_KEY = "x" }
  }

  expect_failures = [var.settings]
}

run "a_name_too_long" {
  command = plan

  variables {
    name = "a-name-that-is-longer-than-thirty-six"
  }

  expect_failures = [var.name]
}
