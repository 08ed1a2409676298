# What is wrong is said before anything is made.
mock_provider "google" {}

variables {
  name          = "cooler"
  pipeline_path = "../example/cooler.pipeline"
  project       = "my-project-123"
  image         = "europe-west1-docker.pkg.dev/my-project-123/scorers/cooler@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "an_image_by_tag" {
  command = plan
  variables {
    image = "europe-west1-docker.pkg.dev/my-project-123/scorers/cooler:latest"
  }
  expect_failures = [var.image]
}

run "an_artifact_that_is_not_there" {
  command = plan
  variables {
    pipeline_path = "../example/none.pipeline"
  }
  expect_failures = [google_cloud_run_v2_service.scorer]
}

run "a_release_whose_artifact_is_gone" {
  command = plan
  variables {
    release = "cooler-000000000000-000000"
  }
  expect_failures = [google_cloud_run_v2_service.scorer]
}

run "a_canary_beside_nothing" {
  command = plan
  variables {
    canary_percent = 10
  }
  expect_failures = [google_cloud_run_v2_service.scorer]
}

run "a_key_that_bigquery_cannot_send" {
  command = plan
  variables {
    api_key_source   = "generated"
    bigquery_dataset = "plant"
  }
  expect_failures = [google_cloud_run_v2_service.scorer]
}

run "a_project_by_number" {
  command = plan
  variables {
    project = "123456789012"
  }
  expect_failures = [var.project]
}

run "too_little_memory" {
  command = plan
  variables {
    memory = "256Mi"
  }
  expect_failures = [var.memory]
}

run "more_instances_kept_than_allowed" {
  command = plan
  variables {
    min_instances = 9
  }
  expect_failures = [google_cloud_run_v2_service.scorer]
}

run "a_variable_of_cloud_run" {
  command = plan
  variables {
    environment = { PORT = "9090" }
  }
  expect_failures = [var.environment]
}
