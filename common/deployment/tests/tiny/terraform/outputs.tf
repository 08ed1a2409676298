output "api_key" {
  description = "The key."
  value       = local._key
  sensitive   = true
}

output "logs_command" {
  description = "Shows the log."
  value       = "cat '${var.live}.started'"
}

output "pipeline_digest" {
  description = "Digest of the artifact."
  value       = filesha256(var.pipeline_path)
}

output "release" {
  description = "The release that answers."
  value       = local._release
}

output "score_command" {
  description = "Scores the sample request."
  value       = "curl -sS -H \"x-api-key: $API_KEY\" http://127.0.0.1:${var.port}/model/score"
}

output "url" {
  description = "Where it answers."
  value       = "http://127.0.0.1:${var.port}"
}
