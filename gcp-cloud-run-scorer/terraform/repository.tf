# A place for images, if the recipe is to make one.
resource "google_artifact_registry_repository" "images" {
  count = var.repository == null ? 0 : 1

  repository_id = var.repository
  location      = var.region
  format        = "DOCKER"
  description   = "Images of scorers"
  labels        = var.labels

  cleanup_policies {
    id     = "keep-ten"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-older-than-90-days"
    action = "DELETE"
    condition {
      older_than = "7776000s"
      tag_state  = "ANY"
    }
  }

  depends_on = [google_project_service.used]
}
