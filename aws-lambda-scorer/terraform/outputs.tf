output "alias_arn" {
  description = "The function as callers other than the gateway name it: Redshift, Aurora, Step Functions."
  value       = aws_lambda_alias.live.arn
}

output "api_key" {
  description = "The client's key, to send as x-api-key."
  value       = aws_api_gateway_api_key.client.value
  sensitive   = true
}

output "bucket" {
  description = "The bucket that holds the artifact; null if a layer does."
  value       = local._bucket
}

output "function_name" {
  description = "The function."
  value       = aws_lambda_function.scorer.function_name
}

output "function_url" {
  description = "The function's own address, for requests signed with IAM; null without function_url."
  value       = one(aws_lambda_function_url.live[*].function_url)
}

output "logs_command" {
  description = "Shows the function's log."
  value       = "aws logs tail ${aws_cloudwatch_log_group.function.name} --region ${var.region} --since 1h --follow"
}

output "pipeline_digest" {
  description = "sha256 of the artifact at pipeline_path. If `release` names an earlier version, that version's own artifact answers."
  value       = local._digest
}

output "queue_url" {
  description = "The queue that takes messages to score; null without queue."
  value       = one(aws_sqs_queue.rows[*].url)
}

output "release" {
  description = "The published version that answers."
  value       = aws_lambda_alias.live.function_version
}

output "rest_api_id" {
  description = "The API in API Gateway."
  value       = aws_api_gateway_rest_api.scorer.id
}

output "score_command" {
  description = "Asks for the sample request and scores it. The key is read from API_KEY."
  value       = "curl -sS -H \"x-api-key: $API_KEY\" ${aws_api_gateway_stage.live.invoke_url}/model/sample_request | curl -sS -H \"x-api-key: $API_KEY\" -H 'content-type: application/json' --data-binary @- ${aws_api_gateway_stage.live.invoke_url}/model/score"

  # A gateway answers 403 until its key is in the plan and 500 until it may call the function.
  depends_on = [
    aws_api_gateway_method_settings.all,
    aws_api_gateway_usage_plan_key.client,
    aws_lambda_permission.gateway,
  ]
}

output "stage" {
  description = "The stage of the API."
  value       = aws_api_gateway_stage.live.stage_name
}

output "url" {
  description = "Base address: the routes of the contract, such as /model/score, follow it."
  value       = aws_api_gateway_stage.live.invoke_url
}
