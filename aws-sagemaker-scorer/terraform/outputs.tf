output "api_key" {
  description = "The key that callers send; null, since SageMaker asks IAM."
  value       = null
  sensitive   = true
}

output "bucket" {
  description = "The bucket that holds the models and what is captured."
  value       = local._bucket
}

output "endpoint_name" {
  description = "The endpoint, as clients of SageMaker name it."
  value       = aws_sagemaker_endpoint.scorer.name
}

output "logs_command" {
  description = "Shows the log of the endpoint."
  value       = "aws logs tail ${local._log_group} --region ${var.region} --since 1h --follow"
}

output "model_names" {
  description = "The models by the digest of their artifacts, for batch transform."
  value       = { for digest, model in aws_sagemaker_model.scorer : digest => model.name }
}

output "pipeline_digest" {
  description = "sha256 of the artifact at pipeline_path. If `release` names an earlier one, that one answers."
  value       = local._digest
}

output "release" {
  description = "sha256 of the artifact that answers."
  value       = local._release
}

output "score_command" {
  description = "Scores the sample request of the artifact that answers, with your AWS credentials."
  value       = "aws sagemaker-runtime invoke-endpoint --region ${var.region} --endpoint-name ${aws_sagemaker_endpoint.scorer.name} --content-type application/json --body 'fileb://${local._models}/${local._release}.json' /dev/fd/3 3>&1 >/dev/null"
}

output "url" {
  description = "Where requests signed with IAM are taken: POST, with any body that the README lists."
  value       = "https://runtime.sagemaker.${var.region}.amazonaws.com/endpoints/${aws_sagemaker_endpoint.scorer.name}/invocations"
}
