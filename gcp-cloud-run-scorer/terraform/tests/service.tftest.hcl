# Plans only, with mocked answers of Google: `terraform test` needs no account and makes nothing.
mock_provider "google" {}

variables {
  name          = "cooler"
  pipeline_path = "../example/cooler.pipeline"
  project       = "my-project-123"
  image         = "europe-west1-docker.pkg.dev/my-project-123/scorers/cooler@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "private_by_default" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.invoker) == 0 && google_cloud_run_v2_service.scorer.invoker_iam_disabled == false
    error_message = "Nobody may call the service unless somebody is named."
  }
  assert {
    condition     = output.private
    error_message = "The output says so."
  }
  assert {
    condition     = google_storage_bucket.pipelines[0].public_access_prevention == "enforced" && google_storage_bucket.pipelines[0].uniform_bucket_level_access && google_storage_bucket.pipelines[0].versioning[0].enabled
    error_message = "The bucket is private and versioned."
  }
  assert {
    condition     = google_storage_bucket_iam_member.run_reads_pipelines.role == "roles/storage.objectViewer"
    error_message = "The service may read one bucket and no more."
  }
}

run "the_artifact_is_mounted_at_its_digest" {
  command = plan

  assert {
    condition     = keys(google_storage_bucket_object.pipeline) == [filesha256("../example/cooler.pipeline")]
    error_message = "The object is named by its digest."
  }
  assert {
    condition     = google_cloud_run_v2_service.scorer.template[0].volumes[0].gcs[0].read_only
    error_message = "The bucket is mounted read-only."
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_service.scorer.template[0].containers[0].env : env.value if env.name == "PIPELINE_PATH"]) == "/mnt/pipelines/cooler/${filesha256("../example/cooler.pipeline")}.pipeline"
    error_message = "The server is told where the artifact is."
  }
  assert {
    condition     = google_cloud_run_v2_service.scorer.template[0].containers[0].startup_probe[0].http_get[0].path == "/readyz" && google_cloud_run_v2_service.scorer.template[0].containers[0].liveness_probe[0].http_get[0].path == "/livez"
    error_message = "The probes ask whether the server is ready, and whether it lives."
  }
  assert {
    condition     = output.pipeline_digest == filesha256("../example/cooler.pipeline")
    error_message = "The output is the digest of what answers."
  }
}

run "download" {
  command = plan
  variables {
    delivery = "download"
  }

  assert {
    condition     = length(google_cloud_run_v2_service.scorer.template[0].volumes) == 0 && length(google_cloud_run_v2_service.scorer.template[0].containers[0].volume_mounts) == 0
    error_message = "Nothing is mounted."
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_service.scorer.template[0].containers[0].env : env.value if env.name == "PIPELINE_URI"]) == "gs://my-project-123-cooler-pipelines/cooler/${filesha256("../example/cooler.pipeline")}.pipeline"
    error_message = "The server is told which object to fetch."
  }
}

run "a_bucket_of_ones_own_is_not_made" {
  command = plan
  variables {
    bucket = "my-bucket"
  }

  assert {
    condition     = length(google_storage_bucket.pipelines) == 0 && google_storage_bucket_iam_member.run_reads_pipelines.bucket == "my-bucket"
    error_message = "The artifact goes to the bucket that is given."
  }
}

run "a_generated_key_is_a_secret" {
  command = plan
  variables {
    api_key_source = "generated"
  }

  assert {
    condition     = length([for env in google_cloud_run_v2_service.scorer.template[0].containers[0].env : env if env.name == "API_KEY" && length(env.value_source) == 1]) == 1
    error_message = "The key comes from Secret Manager, never as a plain value."
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.run_reads_api_key[0].role == "roles/secretmanager.secretAccessor"
    error_message = "The service may read the secret."
  }
}

run "a_canary_shares_with_an_earlier_release" {
  command = plan
  variables {
    release             = "cooler-${substr(filesha256("versions.tf"), 0, 12)}-abcdef"
    kept_pipeline_paths = ["versions.tf"] # any file has a digest
    canary_percent      = 10
  }

  assert {
    condition     = { for traffic in google_cloud_run_v2_service.scorer.traffic : traffic.revision => traffic.percent } == { (var.release) = 90, (output.latest_release) = 10 }
    error_message = "The earlier release gets what the canary does not."
  }
  assert {
    condition     = output.pipeline_digest == filesha256("versions.tf") && output.release == var.release
    error_message = "The outputs name what answers."
  }
}

run "the_same_settings_are_the_same_revision" {
  command = plan

  assert {
    condition     = output.release == output.latest_release && can(regex("^cooler-[0-9a-f]{12}-[0-9a-f]{6}$", output.release))
    error_message = "A revision is named after what makes it."
  }
}

run "bigquery_calls_the_service" {
  command = plan
  variables {
    bigquery_dataset = "plant"
  }

  assert {
    condition     = google_bigquery_routine.score[0].routine_type == "SCALAR_FUNCTION" && length(google_cloud_run_v2_service_iam_member.bigquery) == 1
    error_message = "There is a function, and its connection may call the service."
  }
}
