locals {
  _open_routes = var.health_without_key ? toset(["livez", "readyz"]) : toset([])
}

resource "aws_api_gateway_rest_api" "scorer" {
  name        = var.name
  description = "Scores of one scoring pipeline."

  # Every body goes through as bytes: gzip, CSV and Arrow arrive as they were sent.
  binary_media_types = ["*/*"]

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    # It is what it is from the start, and not every service that stands in for AWS gives it back.
    ignore_changes = [binary_media_types]
  }
}

resource "aws_api_gateway_resource" "all" {
  rest_api_id = aws_api_gateway_rest_api.scorer.id
  parent_id   = aws_api_gateway_rest_api.scorer.root_resource_id
  path_part   = "{proxy+}"
}

resource "aws_api_gateway_resource" "open" {
  for_each = local._open_routes

  rest_api_id = aws_api_gateway_rest_api.scorer.id
  parent_id   = aws_api_gateway_rest_api.scorer.root_resource_id
  path_part   = each.key
}

resource "aws_api_gateway_method" "root" {
  rest_api_id      = aws_api_gateway_rest_api.scorer.id
  resource_id      = aws_api_gateway_rest_api.scorer.root_resource_id
  http_method      = "ANY"
  authorization    = "NONE"
  api_key_required = true
}

resource "aws_api_gateway_method" "all" {
  rest_api_id      = aws_api_gateway_rest_api.scorer.id
  resource_id      = aws_api_gateway_resource.all.id
  http_method      = "ANY"
  authorization    = "NONE"
  api_key_required = true
}

resource "aws_api_gateway_method" "open" {
  for_each = local._open_routes

  rest_api_id      = aws_api_gateway_rest_api.scorer.id
  resource_id      = aws_api_gateway_resource.open[each.key].id
  http_method      = "GET"
  authorization    = "NONE"
  api_key_required = false
}

resource "aws_api_gateway_integration" "root" {
  rest_api_id             = aws_api_gateway_rest_api.scorer.id
  resource_id             = aws_api_gateway_rest_api.scorer.root_resource_id
  http_method             = aws_api_gateway_method.root.http_method
  integration_http_method = "POST"
  type                    = "AWS_PROXY"
  uri                     = aws_lambda_alias.live.invoke_arn
}

resource "aws_api_gateway_integration" "all" {
  rest_api_id             = aws_api_gateway_rest_api.scorer.id
  resource_id             = aws_api_gateway_resource.all.id
  http_method             = aws_api_gateway_method.all.http_method
  integration_http_method = "POST"
  type                    = "AWS_PROXY"
  uri                     = aws_lambda_alias.live.invoke_arn
}

resource "aws_api_gateway_integration" "open" {
  for_each = local._open_routes

  rest_api_id             = aws_api_gateway_rest_api.scorer.id
  resource_id             = aws_api_gateway_resource.open[each.key].id
  http_method             = aws_api_gateway_method.open[each.key].http_method
  integration_http_method = "POST"
  type                    = "AWS_PROXY"
  uri                     = aws_lambda_alias.live.invoke_arn
}

resource "aws_lambda_permission" "gateway" {
  statement_id  = "gateway"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.scorer.execution_arn}/*"
}

resource "aws_api_gateway_deployment" "scorer" {
  rest_api_id = aws_api_gateway_rest_api.scorer.id

  # Only what is written here or known from the start: whole resources differ after each read, and would deploy again.
  triggers = {
    routes = sha256(jsonencode([
      aws_api_gateway_resource.all.id,
      aws_api_gateway_method.root.api_key_required,
      aws_api_gateway_method.all.api_key_required,
      aws_api_gateway_integration.all.uri,
      [for route in local._open_routes : aws_api_gateway_resource.open[route].id],
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [
    aws_api_gateway_integration.all,
    aws_api_gateway_integration.open,
    aws_api_gateway_integration.root,
  ]
}

resource "aws_cloudwatch_log_group" "gateway" {
  count = var.access_log ? 1 : 0

  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id          = aws_api_gateway_rest_api.scorer.id
  deployment_id        = aws_api_gateway_deployment.scorer.id
  stage_name           = "v1"
  xray_tracing_enabled = var.tracing

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.gateway

    content {
      destination_arn = access_log_settings.value.arn

      # Neither query nor body nor address nor key: who asked is the key's id.
      format = jsonencode({
        id          = "$context.requestId"
        time        = "$context.requestTimeEpoch"
        method      = "$context.httpMethod"
        path        = "$context.path"
        status      = "$context.status"
        key         = "$context.identity.apiKeyId"
        bytes       = "$context.responseLength"
        ms          = "$context.responseLatency"
        function_ms = "$context.integrationLatency"
        error       = "$context.error.responseType"
        trace       = "$context.xrayTraceId"
      })
    }
  }

  depends_on = [aws_api_gateway_account.here]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.scorer.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  method_path = "*/*"

  settings {
    data_trace_enabled     = false
    logging_level          = "OFF"
    metrics_enabled        = true
    throttling_burst_limit = var.burst_limit
    throttling_rate_limit  = var.rate_limit
  }
}
