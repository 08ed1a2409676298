data "aws_caller_identity" "here" {}

locals {
  _schema    = replace(var.name, "-", "_")
  _partition = split(":", var.function_arn)[1]
}
