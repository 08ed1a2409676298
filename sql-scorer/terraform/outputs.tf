locals {
  _where = local.service_file == "" ? "" : "PGSERVICEFILE='${local.service_file}' "
  _psql  = "${local._where}psql -X 'service=${var.service}'"
}

output "api_key" {
  description = "None: who may score is the database's to say."
  value       = null
  sensitive   = true
}

output "form" {
  description = "Who computes: the engine gives the scores to the last bit, plain SQL to the last place."
  value       = var.form
}

output "logs_command" {
  description = "Shows what was installed when and by whom."
  value       = "${local._psql} -c 'SELECT number, digest, form, installed_at, installed_by FROM \"${local.schema}\".releases ORDER BY number'"
}

output "pipeline_digest" {
  description = "sha256 of the artifact that is installed."
  value       = local.pipeline_digest
}

output "schema" {
  description = "The schema with the functions."
  value       = local.schema
}

output "score_command" {
  description = "Scores the sample row of the artifact; the password comes from ~/.pgpass."
  value       = "${local._psql} --csv -c 'SELECT * FROM \"${local.schema}\".sample'"
}

output "status_command" {
  description = "Compares what the database has with what was installed; ends with 3 if it is something else."
  value       = "${local._where}SERVICE='${var.service}' SCHEMA='${local.schema}' '${local.package}' status --digest ${local.pipeline_digest}"
}

output "url" {
  description = "The database, as libpq's programs and drivers take it."
  value       = "postgresql:///?service=${var.service}"
}
