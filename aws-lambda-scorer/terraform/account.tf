data "aws_iam_policy_document" "gateway" {
  count = var.gateway_account ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gateway" {
  count = var.gateway_account ? 1 : 0

  name                 = "${var.name}-${var.region}-gateway"
  description          = "Lets API Gateway write logs in ${var.region}."
  assume_role_policy   = data.aws_iam_policy_document.gateway[0].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "gateway" {
  count = var.gateway_account ? 1 : 0

  role       = aws_iam_role.gateway[0].name
  policy_arn = "arn:${local._partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "here" {
  count = var.gateway_account ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.gateway[0].arn

  depends_on = [aws_iam_role_policy_attachment.gateway]
}
