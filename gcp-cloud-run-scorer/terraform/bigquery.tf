# SELECT dataset.score(TO_JSON(t)) FROM dataset.table AS t: BigQuery sends rows to the service in batches.
resource "google_bigquery_connection" "scorer" {
  count = var.bigquery_dataset == null ? 0 : 1

  connection_id = "${var.name}-scorer"
  location      = coalesce(var.bigquery_location, var.region)
  description   = "Calls the scorer ${var.name}"

  cloud_resource {}

  depends_on = [google_project_service.used]
}

resource "google_cloud_run_v2_service_iam_member" "bigquery" {
  count = var.bigquery_dataset == null ? 0 : 1

  name     = google_cloud_run_v2_service.scorer.name
  location = google_cloud_run_v2_service.scorer.location
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_bigquery_connection.scorer[0].cloud_resource[0].service_account_id}"
}

resource "google_bigquery_routine" "score" {
  count = var.bigquery_dataset == null ? 0 : 1

  dataset_id      = var.bigquery_dataset
  routine_id      = "score"
  routine_type    = "SCALAR_FUNCTION"
  definition_body = ""
  description     = "Scores of ${var.name}: an object of input fields in, an object of outputs out"
  return_type     = jsonencode({ typeKind = "JSON" })

  arguments {
    name      = "row"
    data_type = jsonencode({ typeKind = "JSON" })
  }

  remote_function_options {
    endpoint          = "${google_cloud_run_v2_service.scorer.uri}/warehouse/bigquery"
    connection        = google_bigquery_connection.scorer[0].name
    max_batching_rows = tostring(var.bigquery_max_batching_rows)
  }

  depends_on = [google_cloud_run_v2_service_iam_member.bigquery]
}
