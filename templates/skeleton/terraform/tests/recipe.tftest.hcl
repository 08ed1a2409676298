# `terraform test`, after `make package`: what plans say, and what they refuse. Nothing is applied.

variables {
  pipeline_path = "../example/cooler.pipeline"
}

run "defaults" {
  command = plan

  assert {
    condition     = output.url == "http://127.0.0.1:8080" && output.api_key == null
    error_message = "By default the server is for this host alone, at port 8080, without a key."
  }

  assert {
    condition     = output.pipeline_digest == filesha256("../example/cooler.pipeline")
    error_message = "The digest is that of the artifact."
  }
}

run "a_port_out_of_range" {
  command = plan

  variables {
    port = 70000
  }

  expect_failures = [var.port]
}

run "a_name_with_a_slash" {
  command = plan

  variables {
    name = "a/b"
  }

  expect_failures = [var.name]
}

run "a_tag_that_metrics_cannot_show" {
  command = plan

  variables {
    tags = { "a b" = "c" }
  }

  expect_failures = [var.tags]
}

run "no_artifact" {
  command = plan

  variables {
    pipeline_path = "none.pipeline"
  }

  expect_failures = [terraform_data.server]
}
