# Who the service is: an account that may read one bucket, and one secret if there is a key.
resource "google_service_account" "run" {
  account_id   = "${var.name}-run"
  display_name = "Runs the scorer ${var.name}"

  depends_on = [google_project_service.used]
}

resource "google_storage_bucket_iam_member" "run_reads_pipelines" {
  bucket = local.bucket
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${google_service_account.run.email}"
}

resource "google_secret_manager_secret_iam_member" "run_reads_api_key" {
  count = local.key ? 1 : 0

  secret_id = var.api_key_source == "secret" ? local.secret : google_secret_manager_secret.api_key[0].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.run.email}"
}
