locals {
  _alarm_actions = concat(
    var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn],
    aws_sns_topic.alarms[*].arn,
  )

  _function_dimensions = { FunctionName = var.name, Resource = "${var.name}:${local._alias}" }
  _gateway_dimensions  = { ApiName = var.name, Stage = "v1" }

  _alarms = {
    errors = {
      description = "The function failed. `aws logs tail` shows why."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = local._function_dimensions
      statistic   = "Sum"
      percentile  = null
      threshold   = 0
      periods     = 1
    }
    failures = {
      description = "Clients got 5xx answers."
      namespace   = "AWS/ApiGateway"
      metric      = "5XXError"
      dimensions  = local._gateway_dimensions
      statistic   = "Sum"
      percentile  = null
      threshold   = 0
      periods     = 1
    }
    p99 = {
      description = "One answer in a hundred takes longer than ${var.alarm_p99_ms} ms."
      namespace   = "AWS/ApiGateway"
      metric      = "Latency"
      dimensions  = local._gateway_dimensions
      statistic   = null
      percentile  = "p99"
      threshold   = var.alarm_p99_ms
      periods     = 3
    }
    throttles = {
      description = "Lambda turned requests away: the account or reserved_concurrency allows no more environments."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = local._function_dimensions
      statistic   = "Sum"
      percentile  = null
      threshold   = 0
      periods     = 1
    }
  }
}

resource "aws_sns_topic" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "scorer" {
  for_each = var.alarms ? local._alarms : {}

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  extended_statistic  = each.value.percentile
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = local._alarm_actions
  ok_actions          = local._alarm_actions
}
