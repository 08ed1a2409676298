output "functions_sql" {
  description = "Makes the functions in the database that call the scorer: terraform output -raw functions_sql | psql service=..."
  value       = templatefile("${path.module}/functions.sql.tftpl", { arn = var.function_arn, schema = local._schema })
}

output "logs_command" {
  description = "Shows the database's log."
  value       = "aws logs tail /aws/rds/cluster/${aws_rds_cluster.database.cluster_identifier}/postgresql --region ${var.region} --since 1h --follow"
}

output "score_command" {
  description = "Scores the inputs of one row, as a JSON array in $ROW, in the database of the service $SERVICE."
  value       = "psql -X \"service=$SERVICE\" --csv -c \"SELECT scores FROM ${local._schema}.score_rows(json_build_array('$ROW'::json))\""
}

output "secret_arn" {
  description = "The secret with the password of the user scoring, which RDS makes and changes."
  value       = one(aws_rds_cluster.database.master_user_secret[*].secret_arn)
}

output "service" {
  description = "A section for pg_service.conf."
  value       = <<-EOT
    [${var.name}]
    host=${aws_rds_cluster.database.endpoint}
    port=${aws_rds_cluster.database.port}
    dbname=${aws_rds_cluster.database.database_name}
    user=${aws_rds_cluster.database.master_username}
    sslmode=verify-full
  EOT
}

output "url" {
  description = "The database."
  value       = "postgresql://${aws_rds_cluster.database.endpoint}:${aws_rds_cluster.database.port}/${aws_rds_cluster.database.database_name}"
}
