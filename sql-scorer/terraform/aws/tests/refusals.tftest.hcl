# `terraform test`: values that are refused before anything is made. No account is needed.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  function_arn = "arn:aws:lambda:us-east-1:123456789012:function:cooler:live"
  subnet_ids   = ["subnet-1", "subnet-2"]
  vpc_id       = "vpc-1"
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_rds_cluster.database.manage_master_user_password && aws_rds_cluster.database.storage_encrypted
    error_message = "RDS keeps the password, and the storage is encrypted."
  }

  assert {
    condition     = !aws_rds_cluster_instance.database.publicly_accessible
    error_message = "The database has no public address."
  }

  assert {
    condition     = strcontains(output.functions_sql, "create_lambda_function_arn('arn:aws:lambda:us-east-1:123456789012:function:cooler:live')")
    error_message = "The functions call the scorer."
  }
}

run "a_function_that_is_none" {
  command = plan

  variables {
    function_arn = "cooler'); DROP TABLE a; --"
  }

  expect_failures = [var.function_arn]
}

run "the_whole_internet" {
  command = plan

  variables {
    client_cidr_blocks = ["0.0.0.0/0"]
  }

  expect_failures = [var.client_cidr_blocks]
}

run "one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "an_engine_too_old" {
  command = plan

  variables {
    engine_version = "9.6.1"
  }

  expect_failures = [var.engine_version]
}
