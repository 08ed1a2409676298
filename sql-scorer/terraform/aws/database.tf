# Aurora PostgreSQL that sleeps at half a unit and wakes with the load. RDS makes its password, keeps it in Secrets
# Manager and changes it every week: Terraform never sees it.
resource "aws_db_subnet_group" "database" {
  name        = var.name
  description = "Where ${var.name} may be"
  subnet_ids  = var.subnet_ids
}

resource "aws_rds_cluster" "database" {
  cluster_identifier = var.name
  engine             = "aurora-postgresql"
  engine_version     = var.engine_version
  database_name      = var.database

  master_username             = "scoring"
  manage_master_user_password = true

  db_subnet_group_name   = aws_db_subnet_group.database.name
  vpc_security_group_ids = [aws_security_group.database.id]

  backup_retention_period             = var.backup_days
  copy_tags_to_snapshot               = true
  deletion_protection                 = var.deletion_protection
  enabled_cloudwatch_logs_exports     = ["postgresql"]
  final_snapshot_identifier           = var.deletion_protection ? "${var.name}-final" : null
  iam_database_authentication_enabled = true
  skip_final_snapshot                 = !var.deletion_protection
  storage_encrypted                   = true

  serverlessv2_scaling_configuration {
    max_capacity = var.max_capacity
    min_capacity = var.min_capacity
  }
}

resource "aws_rds_cluster_instance" "database" {
  identifier         = var.name
  cluster_identifier = aws_rds_cluster.database.id
  engine             = aws_rds_cluster.database.engine
  engine_version     = aws_rds_cluster.database.engine_version
  instance_class     = "db.serverless"

  auto_minor_version_upgrade = true
  publicly_accessible        = false
}
