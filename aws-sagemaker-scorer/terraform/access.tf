data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "model" {
  statement {
    sid       = "Model"
    actions   = ["s3:GetObject"]
    resources = [for object in aws_s3_object.model : "arn:${local._partition}:s3:::${local._bucket}/${object.key}"]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.endpoint.arn}:*"]
  }

  dynamic "statement" {
    for_each = local._repository == null ? [] : [local._repository]

    content {
      sid       = "Image"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [statement.value]
    }
  }

  # Neither a token of ECR nor a metric knows resources: AWS takes nothing but * here.
  statement {
    sid       = "Token"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringLike"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker/*", "AWS/SageMaker"]
    }
  }

  dynamic "statement" {
    for_each = local._capture == null ? [] : [local._captured]

    content {
      sid       = "Capture"
      actions   = ["s3:PutObject"]
      resources = ["arn:${local._partition}:s3:::${local._bucket}/${statement.value}/*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  # The network interfaces of a model in a VPC know no resources either.
  dynamic "statement" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      sid = "Network"
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "model" {
  count = var.role_arn == null ? 1 : 0

  # IAM knows no regions, and one name may be deployed in several.
  name                 = "${var.name}-${var.region}"
  description          = "What the scorer ${var.name} may do."
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "model" {
  count = var.role_arn == null ? 1 : 0

  name   = "scorer"
  role   = aws_iam_role.model[0].id
  policy = data.aws_iam_policy_document.model.json
}
