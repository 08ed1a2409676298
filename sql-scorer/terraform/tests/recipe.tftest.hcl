# `terraform test`, after `make package`: what plans say, and what they refuse. Nothing is applied.

variables {
  pipeline_path = "../example/cooler.pipeline"
  service       = "rig"
}

run "defaults" {
  command = plan

  assert {
    condition     = output.schema == "sql_scorer"
    error_message = "The schema has the deployment's name."
  }

  assert {
    condition     = output.url == "postgresql:///?service=rig"
    error_message = "The database is named by its service."
  }

  assert {
    condition     = output.pipeline_digest == filesha256("../example/cooler.pipeline")
    error_message = "The digest is that of the artifact."
  }

  assert {
    condition     = output.score_command == "psql -X 'service=rig' --csv -c 'SELECT * FROM \"sql_scorer\".sample'"
    error_message = "The sample is scored with psql."
  }

  assert {
    condition     = output.api_key == null
    error_message = "There is no key."
  }
}

run "a_file_of_services" {
  command = plan

  variables {
    schema       = "pumps"
    service_file = "../example/request.json"
  }

  assert {
    condition     = startswith(output.score_command, "PGSERVICEFILE='${abspath("../example/request.json")}' psql")
    error_message = "The commands look into the same file."
  }

  assert {
    condition     = output.schema == "pumps"
    error_message = "The schema is the one that was given."
  }
}

run "a_service_that_is_a_connection_string" {
  command = plan

  variables {
    service = "rig password=secret"
  }

  expect_failures = [var.service]
}

run "a_schema_of_the_database" {
  command = plan

  variables {
    schema = "public"
  }

  expect_failures = [var.schema]
}

run "a_schema_that_injects" {
  command = plan

  variables {
    schema = "a\"; DROP TABLE b; --"
  }

  expect_failures = [var.schema]
}

run "two_roles_in_one" {
  command = plan

  variables {
    roles = ["a,b"]
  }

  expect_failures = [var.roles]
}

run "a_form_that_is_none" {
  command = plan

  variables {
    form = "guess"
  }

  expect_failures = [var.form]
}

run "no_artifact" {
  command = plan

  variables {
    pipeline_path = "none.pipeline"
  }

  expect_failures = [terraform_data.functions]
}

run "no_file_of_services" {
  command = plan

  variables {
    service_file = "none.conf"
  }

  expect_failures = [terraform_data.functions]
}
