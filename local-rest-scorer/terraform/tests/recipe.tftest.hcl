# `terraform test`, after `make package`: what plans say, and what they refuse. Nothing is applied.

variables {
  pipeline_path = "../example/cooler.pipeline"
}

run "defaults" {
  command = plan

  assert {
    condition     = output.url == "http://127.0.0.1:9090"
    error_message = "By default the server is for this host alone, at port 9090."
  }

  assert {
    condition     = output.pipeline_digest == filesha256("../example/cooler.pipeline")
    error_message = "The digest is that of the artifact."
  }

  assert {
    condition     = strcontains(output.score_command, "x-api-key: $API_KEY")
    error_message = "The command takes the key from the environment."
  }
}

run "without_a_key" {
  command = plan

  variables {
    api_key_enabled = false
    host            = "::"
    port            = 8443
  }

  assert {
    condition     = output.api_key == null && !strcontains(output.score_command, "API_KEY")
    error_message = "There is no key, and nobody is asked for one."
  }

  assert {
    condition     = output.url == "http://[::1]:8443"
    error_message = "All addresses are called by the loopback one."
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

run "a_secret_in_the_settings" {
  command = plan

  variables {
    environment = { AWS_SECRET_ACCESS_KEY = "x" }
  }

  expect_failures = [var.environment]
}

run "no_artifact" {
  command = plan

  variables {
    pipeline_path = "none.pipeline"
  }

  expect_failures = [terraform_data.server]
}

run "half_of_tls" {
  command = plan

  variables {
    tls_certificate_path = "../example/request.json"
  }

  expect_failures = [terraform_data.server]
}
