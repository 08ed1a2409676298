# What lets the database call the function: a role that RDS assumes, for this account's clusters and this function only.
data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["rds.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.here.account_id]
    }
  }
}

data "aws_iam_policy_document" "invoke" {
  statement {
    sid       = "Score"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.function_arn]
  }
}

resource "aws_iam_role" "invoke" {
  name               = "${var.name}-invoke"
  description        = "Lets the database ${var.name} call its scorer"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "invoke" {
  name   = "invoke"
  role   = aws_iam_role.invoke.id
  policy = data.aws_iam_policy_document.invoke.json
}

resource "aws_rds_cluster_role_association" "invoke" {
  db_cluster_identifier = aws_rds_cluster.database.id
  feature_name          = "Lambda"
  role_arn              = aws_iam_role.invoke.arn

  depends_on = [aws_iam_role_policy.invoke]
}
