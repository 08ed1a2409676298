# A model and a configuration for each artifact that is kept; the endpoint takes those of the release.
resource "aws_sagemaker_model" "scorer" {
  for_each = aws_s3_object.model

  name                     = "${var.name}-${substr(each.key, 0, 12)}-${substr(local._of_model, 0, 8)}"
  execution_role_arn       = local._role
  enable_network_isolation = true # the container asks nobody

  primary_container {
    image          = var.image
    model_data_url = "s3://${each.value.bucket}/${each.value.key}"
    environment    = var.settings
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      security_group_ids = var.security_group_ids
      subnets            = var.subnet_ids
    }
  }

  lifecycle {
    create_before_destroy = true
  }

  # SageMaker looks whether the role may read the model when it is asked to make one.
  depends_on = [aws_iam_role_policy.model]
}

resource "aws_sagemaker_endpoint_configuration" "scorer" {
  for_each = aws_sagemaker_model.scorer

  name        = "${var.name}-${substr(each.key, 0, 12)}-${substr(local._of_config, 0, 8)}"
  kms_key_arn = var.serverless == null ? var.kms_key_arn : null

  production_variants {
    model_name             = each.value.name
    variant_name           = local._variant
    initial_instance_count = var.serverless == null ? var.instance_count : null
    instance_type          = var.serverless == null ? var.instance_type : null
    initial_variant_weight = 1

    dynamic "serverless_config" {
      for_each = var.serverless == null ? [] : [var.serverless]

      content {
        max_concurrency   = serverless_config.value.max_concurrency
        memory_size_in_mb = serverless_config.value.memory_mb
      }
    }
  }

  dynamic "data_capture_config" {
    for_each = local._capture == null ? [] : [local._capture]

    content {
      enable_capture              = true
      initial_sampling_percentage = data_capture_config.value.share
      destination_s3_uri          = data_capture_config.value.place
      kms_key_id                  = var.kms_key_arn

      capture_options {
        capture_mode = "Input"
      }

      capture_options {
        capture_mode = "Output"
      }

      capture_content_type_header {
        csv_content_types  = ["text/csv"]
        json_content_types = ["application/json", "application/jsonlines"]
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "scorer" {
  name                 = var.name
  endpoint_config_name = try(aws_sagemaker_endpoint_configuration.scorer[local._release].name, "missing")

  lifecycle {
    precondition {
      condition     = contains(keys(local._artifacts), local._release)
      error_message = "release is ${local._release}, but that is neither the artifact at pipeline_path nor one of kept_pipeline_paths. Name its file in kept_pipeline_paths."
    }

    precondition {
      condition     = var.serverless == null || (var.max_instances == null && var.capture_percent == 0 && length(var.subnet_ids) == 0)
      error_message = "A serverless endpoint takes neither max_instances nor capture_percent nor subnet_ids. Leave them out, or serverless."
    }
  }

  # The group must be there first: SageMaker would make one whose lines are kept for ever.
  depends_on = [aws_cloudwatch_log_group.endpoint]
}

resource "aws_cloudwatch_log_group" "endpoint" {
  name              = local._log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
