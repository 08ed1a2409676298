# No AWS at all: `terraform test` with a provider that makes values up. Needs no package and no credentials.
mock_provider "aws" {
  mock_resource "aws_api_gateway_rest_api" {
    defaults = {
      id               = "abc123"
      execution_arn    = "arn:aws:execute-api:us-east-1:123456789012:abc123"
      root_resource_id = "root"
    }
  }

  mock_resource "aws_api_gateway_stage" {
    defaults = { invoke_url = "https://abc123.execute-api.us-east-1.amazonaws.com/v1" }
  }

  mock_resource "aws_cloudformation_stack" {
    defaults = { outputs = { Name = "cooler-bucket-artifacts-1" } }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:cooler" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cooler-us-east-1" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn        = "arn:aws:lambda:us-east-1:123456789012:function:cooler:live"
      invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:cooler:live/invocations"
    }
  }

  mock_resource "aws_lambda_function" {
    defaults = { version = "3" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { id = "cooler-20261123" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:cooler-alarms" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:cooler" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name          = "cooler"
  package_path  = "./versions.tf" # any file will do: nothing is run
  pipeline_path = "./../example/cooler.pipeline"
}

run "own_bucket_stays" {
  assert {
    condition     = jsondecode(aws_cloudformation_stack.bucket[0].template_body).Resources.Artifacts.DeletionPolicy == "Retain"
    error_message = "The recipe's own bucket must outlive the deployment unless keep_bucket says otherwise."
  }
  assert {
    condition     = length(aws_s3_bucket.own) == 0 && output.bucket == "cooler-bucket-artifacts-1"
    error_message = "One bucket, and that of the stack."
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.own[0].policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "The recipe's own bucket refuses requests without TLS."
  }
  assert {
    condition     = aws_s3_object.artifact[filesha256(var.pipeline_path)].key == "cooler/${filesha256(var.pipeline_path)}.pipeline"
    error_message = "The artifact lies at its digest, below the deployment's name."
  }
  assert {
    condition     = aws_lambda_function.scorer.environment[0].variables.PIPELINE_URI == "s3://cooler-bucket-artifacts-1/cooler/${filesha256(var.pipeline_path)}.pipeline"
    error_message = "The function is told where the artifact is."
  }
  assert {
    condition     = output.release == "3" && output.pipeline_digest == filesha256(var.pipeline_path)
    error_message = "The newest version answers."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.scorer) == 4 && length(aws_sqs_queue.rows) == 0 && length(aws_lambda_function_url.live) == 0
    error_message = "Alarms by default; queue and function URL only when asked for."
  }
  assert {
    condition     = aws_api_gateway_method.all.api_key_required && aws_api_gateway_method.root.api_key_required && length(aws_api_gateway_method.open) == 0
    error_message = "Every route asks for the key."
  }
  assert {
    condition     = length(regexall("query|body|authorizer|apiKey\\b", lower(aws_api_gateway_stage.live.access_log_settings[0].format))) == 0
    error_message = "The access log holds neither queries nor bodies nor keys."
  }
}

run "own_bucket_goes" {
  variables {
    keep_bucket = false
    tls_only    = false
  }
  assert {
    condition     = length(aws_cloudformation_stack.bucket) == 0 && aws_s3_bucket.own[0].force_destroy && aws_s3_bucket.own[0].bucket_prefix == "cooler-"
    error_message = "keep_bucket = false makes a bucket that goes with all that is in it."
  }
  assert {
    condition     = length(aws_s3_bucket_policy.own) == 0
    error_message = "tls_only = false leaves the bucket without a policy."
  }
}

run "bucket_of_the_user" {
  variables { bucket = "my-artifacts" }
  assert {
    condition     = length(aws_cloudformation_stack.bucket) + length(aws_s3_bucket.own) + length(aws_s3_bucket_public_access_block.own) + length(aws_s3_bucket_versioning.own) + length(aws_s3_bucket_policy.own) == 0
    error_message = "Nothing about the user's bucket is changed."
  }
  assert {
    condition     = aws_s3_object.artifact[filesha256(var.pipeline_path)].bucket == "my-artifacts" && output.bucket == "my-artifacts"
    error_message = "The artifact goes into the user's bucket."
  }
}

run "role_of_the_user" {
  variables {
    role_arn = "arn:aws:iam::123456789012:role/scorer"
  }
  assert {
    condition     = length(aws_iam_role.function) + length(aws_iam_role_policy.function) == 0 && aws_lambda_function.scorer.role == var.role_arn
    error_message = "A role that is given is taken, and no other is made."
  }
}

run "boundary" {
  variables {
    gateway_account      = true
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
  }
  assert {
    condition     = aws_iam_role.function[0].permissions_boundary == var.permissions_boundary && aws_iam_role.gateway[0].permissions_boundary == var.permissions_boundary
    error_message = "Every role has the boundary."
  }
}

run "artifact_in_a_layer" {
  variables {
    layers       = ["arn:aws:lambda:us-east-1:123456789012:layer:cooler:1"]
    pipeline_uri = "/opt/cooler.pipeline"
  }
  assert {
    condition     = length(aws_s3_object.artifact) == 0 && aws_lambda_function.scorer.environment[0].variables.PIPELINE_URI == "/opt/cooler.pipeline"
    error_message = "With a layer nothing is uploaded."
  }
}

run "rollback" {
  variables {
    kept_pipeline_paths = ["./../example/request.json"] # any other file
    release             = "1"
  }
  assert {
    condition     = aws_lambda_alias.live.function_version == "1" && output.release == "1"
    error_message = "release says which version answers."
  }
  assert {
    condition     = length(aws_s3_object.artifact) == 2
    error_message = "Kept artifacts stay uploaded."
  }
}

run "canary" {
  variables {
    canary_version = "3"
    canary_weight  = 0.1
    release        = "2"
  }
  assert {
    condition     = aws_lambda_alias.live.function_version == "2" && aws_lambda_alias.live.routing_config[0].additional_version_weights["3"] == 0.1
    error_message = "The canary gets its share."
  }
}

run "options" {
  variables {
    alarm_email             = "ops@example.com"
    batch_location          = "s3://my-data/scoring/"
    function_url            = true
    health_without_key      = true
    kms_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/1"
    log_retention_days      = 7
    provisioned_concurrency = 2
    queue                   = true
    quota_limit             = null
    reserved_concurrency    = 20
    security_group_ids      = ["sg-1"]
    settings                = { SCORER_LENIENT = "true" }
    subnet_ids              = ["subnet-1"]
    tracing                 = true
  }
  assert {
    condition     = aws_lambda_provisioned_concurrency_config.live[0].provisioned_concurrent_executions == 2 && aws_lambda_function.scorer.reserved_concurrent_executions == 20
    error_message = "Concurrency is what was asked for."
  }
  assert {
    condition     = aws_lambda_function_url.live[0].authorization_type == "AWS_IAM"
    error_message = "The function's own address asks for IAM."
  }
  assert {
    condition     = length(aws_api_gateway_method.open) == 2 && !aws_api_gateway_method.open["livez"].api_key_required && aws_api_gateway_method.all.api_key_required
    error_message = "Only the two health routes are open."
  }
  assert {
    condition     = contains(aws_lambda_event_source_mapping.rows[0].function_response_types, "ReportBatchItemFailures") && aws_sqs_queue.rows[0].visibility_timeout_seconds == 174
    error_message = "The queue takes partial answers and waits long enough."
  }
  assert {
    condition     = length(aws_api_gateway_usage_plan.client.quota_settings) == 0 && aws_api_gateway_stage.live.xray_tracing_enabled && aws_lambda_function.scorer.tracing_config[0].mode == "Active"
    error_message = "No quota, but traces."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.scorer : length(alarm.alarm_actions) == 1])
    error_message = "Every alarm notifies the topic."
  }
  assert {
    condition     = aws_cloudwatch_log_group.function.kms_key_id == var.kms_key_arn && aws_lambda_function.scorer.kms_key_arn == var.kms_key_arn && aws_sqs_queue.rows[0].kms_master_key_id == var.kms_key_arn && one(aws_s3_bucket_server_side_encryption_configuration.own[0].rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    error_message = "The key of the user encrypts."
  }
  assert {
    condition     = aws_lambda_function.scorer.environment[0].variables.SCORER_LENIENT == "true"
    error_message = "Settings reach the function."
  }
}

run "snap_start" {
  variables {
    runtime    = "python3.13"
    snap_start = true
  }
  assert {
    condition     = aws_lambda_function.scorer.snap_start[0].apply_on == "PublishedVersions"
    error_message = "SnapStart works on published versions."
  }
}
