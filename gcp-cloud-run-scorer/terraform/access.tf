# Who may call the service, and under which name of yours.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = toset(var.invokers)

  name     = google_cloud_run_v2_service.scorer.name
  location = google_cloud_run_v2_service.scorer.location
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_cloud_run_domain_mapping" "own" {
  count = var.domain == null ? 0 : 1

  name     = var.domain
  location = var.region

  metadata {
    namespace = var.project
    labels    = var.labels
  }

  spec {
    route_name = google_cloud_run_v2_service.scorer.name
  }
}
