resource "aws_sqs_queue" "failed" {
  count = var.queue ? 1 : 0

  name                      = "${var.name}-failed"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_sqs_queue" "rows" {
  count = var.queue ? 1 : 0

  name              = var.name
  kms_master_key_id = var.kms_key_arn

  # Six times the function's own limit, as AWS advises: no message comes twice while it is still being scored.
  visibility_timeout_seconds = 6 * var.timeout_s

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed[0].arn
    maxReceiveCount     = 3
  })
}

resource "aws_lambda_event_source_mapping" "rows" {
  count = var.queue ? 1 : 0

  event_source_arn        = aws_sqs_queue.rows[0].arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
}
