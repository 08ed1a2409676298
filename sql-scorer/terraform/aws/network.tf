resource "aws_security_group" "database" {
  name        = "${var.name}-database"
  description = "Who reaches the database ${var.name}, and what it reaches"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "address" {
  for_each = toset(var.client_cidr_blocks)

  security_group_id = aws_security_group.database.id
  description       = "PostgreSQL from ${each.value}"
  cidr_ipv4         = each.value
  from_port         = 5432
  ip_protocol       = "tcp"
  to_port           = 5432
}

resource "aws_vpc_security_group_ingress_rule" "group" {
  for_each = toset(var.client_security_group_ids)

  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from ${each.value}"
  from_port                    = 5432
  ip_protocol                  = "tcp"
  referenced_security_group_id = each.value
  to_port                      = 5432
}

# Lambda is reached through a NAT gateway or an endpoint of the VPC, with TLS.
resource "aws_vpc_security_group_egress_rule" "invoke" {
  security_group_id = aws_security_group.database.id
  description       = "Lambda"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  ip_protocol       = "tcp"
  to_port           = 443
}
