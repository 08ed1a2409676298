output "api_key" {
  description = "The key that callers send as x-api-key; null, since only this host reaches the server."
  value       = null
  sensitive   = true
}

output "logs_command" {
  description = "Shows the end of the log."
  value       = "tail -n 100 '${terraform_data.server.output.folder}/log'"
}

output "pipeline_digest" {
  description = "sha256 of the artifact that is served."
  value       = local.pipeline_digest
}

output "score_command" {
  description = "Scores the sample request of the artifact."
  value       = "curl -fsS '${local.url}/model/sample_request' | curl -fsS -H 'content-type: application/json' --data-binary @- '${local.url}/model/score'"
}

output "url" {
  description = "Where the server answers."
  value       = local.url
}
