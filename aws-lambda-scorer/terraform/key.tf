resource "aws_api_gateway_usage_plan" "client" {
  name        = var.name
  description = "What the client of ${var.name} may ask for."

  api_stages {
    api_id = aws_api_gateway_rest_api.scorer.id
    stage  = aws_api_gateway_stage.live.stage_name
  }

  throttle_settings {
    burst_limit = var.burst_limit
    rate_limit  = var.rate_limit
  }

  dynamic "quota_settings" {
    for_each = var.quota_limit == null ? [] : [var.quota_limit]

    content {
      limit  = quota_settings.value
      period = var.quota_period
    }
  }
}

resource "aws_api_gateway_api_key" "client" {
  name        = var.name
  description = "Key of the client of ${var.name}."
}

resource "aws_api_gateway_usage_plan_key" "client" {
  key_id        = aws_api_gateway_api_key.client.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.client.id
}
