data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }

  dynamic "statement" {
    for_each = local._stored ? [true] : []

    content {
      sid       = "Artifact"
      actions   = ["s3:GetObject"]
      resources = [for object in aws_s3_object.artifact : "arn:${local._partition}:s3:::${local._bucket}/${object.key}"]
    }
  }

  dynamic "statement" {
    for_each = var.batch_location == null ? [] : [trimprefix(var.batch_location, "s3://")]

    content {
      sid       = "Batch"
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      resources = ["arn:${local._partition}:s3:::${statement.value}*"]
    }
  }

  dynamic "statement" {
    for_each = aws_sqs_queue.rows

    content {
      sid       = "Queue"
      actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  # Neither X-Ray nor the network interfaces of Lambda know resources: AWS takes nothing but * here.
  dynamic "statement" {
    for_each = var.tracing ? [true] : []

    content {
      sid       = "Tracing"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      sid = "Network"
      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "function" {
  count = var.role_arn == null ? 1 : 0

  # IAM knows no regions, and one name may be deployed in several.
  name                 = "${var.name}-${var.region}"
  description          = "What the scorer ${var.name} may do."
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "function" {
  count = var.role_arn == null ? 1 : 0

  name   = "scorer"
  role   = aws_iam_role.function[0].id
  policy = data.aws_iam_policy_document.function.json
}
