resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "scorer" {
  function_name                  = var.name
  description                    = "Scores requests with one scoring pipeline."
  role                           = var.role_arn == null ? aws_iam_role.function[0].arn : var.role_arn
  architectures                  = [var.architecture]
  runtime                        = var.runtime
  handler                        = "aws_lambda_scorer.handler.handle"
  filename                       = local._package
  source_code_hash               = fileexists(local._package) ? filebase64sha256(local._package) : null
  publish                        = true
  layers                         = var.layers
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn

  environment {
    variables = merge(var.settings, {
      PIPELINE_DIGEST = local._digest
      PIPELINE_URI    = local._stored ? "s3://${local._bucket}/${aws_s3_object.artifact[local._digest].key}" : var.pipeline_uri
    })
  }

  # Lambda takes these levels when none are named, and a plan would then find them changed.
  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "snap_start" {
    for_each = var.snap_start ? [true] : []

    content {
      apply_on = "PublishedVersions"
    }
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = fileexists(local._package)
      error_message = "No package at ${local._package}. Run `make package ARCH=${var.architecture}` first."
    }

    precondition {
      condition     = fileexists(local._current)
      error_message = "No artifact at ${local._current}. Make one with `scoring experiment` or `scoring pack`, or correct pipeline_path."
    }

    precondition {
      condition     = !var.snap_start || var.runtime != "python3.11"
      error_message = "SnapStart starts at python3.12. Set runtime = \"python3.13\" and build the package for it, or snap_start = false."
    }

    precondition {
      condition     = !var.snap_start || var.provisioned_concurrency == 0
      error_message = "Lambda has SnapStart or provisioned concurrency, not both. Set one of snap_start and provisioned_concurrency."
    }

    precondition {
      condition     = (length(var.subnet_ids) > 0) == (length(var.security_group_ids) > 0)
      error_message = "A function in a VPC needs both subnet_ids and security_group_ids. Set both, or neither."
    }
  }

  # The function would make a log group of its own, without an end to it.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]
}

resource "aws_lambda_alias" "live" {
  name             = local._alias
  description      = "The release that answers."
  function_name    = aws_lambda_function.scorer.function_name
  function_version = coalesce(var.release, aws_lambda_function.scorer.version)

  dynamic "routing_config" {
    for_each = var.canary_version != null && var.canary_weight > 0 ? [true] : []

    content {
      additional_version_weights = { (var.canary_version) = var.canary_weight }
    }
  }

  lifecycle {
    precondition {
      condition     = var.canary_weight == 0 || var.canary_version != null
      error_message = "canary_weight needs canary_version, the published version that gets this share."
    }

    precondition {
      condition     = var.canary_version != coalesce(var.release, aws_lambda_function.scorer.version)
      error_message = "canary_version is the release itself. Set `release` to the version that keeps the other requests."
    }
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_alias.live.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

resource "aws_lambda_function_url" "live" {
  count = var.function_url ? 1 : 0

  function_name      = aws_lambda_alias.live.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
}
