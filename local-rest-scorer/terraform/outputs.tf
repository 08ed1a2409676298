locals {
  _called = lookup({ "0.0.0.0" = "127.0.0.1", "::" = "::1" }, var.host, var.host)
  _scheme = var.tls_certificate_path == null ? "http" : "https"
  _url    = "${local._scheme}://${strcontains(local._called, ":") ? "[${local._called}]" : local._called}:${var.port}"

  _options = join(" ", compact([
    "-fsS",
    var.api_key_enabled ? "-H \"x-api-key: $API_KEY\"" : "",
    var.tls_certificate_path == null ? "" : "--cacert '${local.tls.TLS_CERT_FILE}'",
    var.tls_client_ca_path == null ? "" : "--cert \"$CLIENT_CERT\" --key \"$CLIENT_KEY\"",
  ]))
}

output "api_key" {
  description = "The key that callers send as x-api-key; null if none is asked for."
  value       = one(terraform_data.api_key[*].triggers_replace)
  sensitive   = true
}

output "logs_command" {
  description = "Shows the end of the log."
  value       = "tail -n 100 '${terraform_data.server.output.folder}/server.log'"
}

output "pipeline_digest" {
  description = "sha256 of the artifact that is served."
  value       = local.pipeline_digest
}

output "score_command" {
  description = "Scores the sample request of the artifact; takes the key from $API_KEY."
  value       = "curl ${local._options} '${local._url}/model/sample_request' | curl ${local._options} -H 'content-type: application/json' --data-binary @- '${local._url}/model/score'"
}

output "status_command" {
  description = "Says how the server and its supervisor are; ends with 3 if they do not run."
  value       = "'${terraform_data.server.output.folder}/scorer' status"
}

output "url" {
  description = "Where the server answers."
  value       = local._url
}
