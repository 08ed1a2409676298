locals {
  url = var.domain == null ? google_cloud_run_v2_service.scorer.uri : "https://${var.domain}"
  headers = join("", concat(
    local.private ? [" --header \"Authorization: Bearer $(gcloud auth print-identity-token)\""] : [],
    local.key ? [" --header \"x-api-key: $API_KEY\""] : [],
  ))
}

output "api_key" {
  description = "The generated API key; null when there is none, or when it lies in a secret of yours."
  value       = one(terraform_data.api_key[*].triggers_replace)
  sensitive   = true
}

output "bigquery_function" {
  description = "The remote function for SELECT; null when there is none."
  value       = var.bigquery_dataset == null ? null : "`${var.project}.${var.bigquery_dataset}.score`"
}

output "image" {
  description = "The image of the newest revision, by digest."
  value       = local.image
}

output "latest_release" {
  description = "The newest revision, which a canary shares requests with."
  value       = local.revision
}

output "logs_command" {
  description = "Shows the service's latest logs."
  value       = "gcloud run services logs read ${var.name} --project=${var.project} --region=${var.region} --limit=100"
}

output "pipeline_digest" {
  description = "sha256 of the artifact that answers."
  value       = local.served
}

output "private" {
  description = "Whether Google asks callers who they are."
  value       = local.private
}

output "release" {
  description = "The revision that answers; give it to the variable `release` later to go back to it."
  value       = coalesce(local.release, local.revision)
}

output "score_command" {
  description = "Scores the pipeline's own sample request; reads an API key from $API_KEY."
  value       = "curl --silent${local.headers} ${local.url}/model/sample_request | curl --silent --fail-with-body${local.headers} --header \"Content-Type: application/json\" --data @- ${local.url}/model/score"
}

output "service_account" {
  description = "The account that the service runs as."
  value       = google_service_account.run.email
}

output "url" {
  description = "Where the service answers."
  value       = local.url
}
