# The artifact lies in a bucket under its digest, so that another one never replaces it.
resource "google_storage_bucket" "pipelines" {
  count = var.bucket == null ? 1 : 0

  name                        = "${replace(var.project, "/[^-a-z0-9]/", "-")}-${var.name}-pipelines"
  location                    = var.region
  force_destroy               = !var.deletion_protection
  labels                      = var.labels
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
  }

  depends_on = [google_project_service.used]
}

resource "google_storage_bucket_object" "pipeline" {
  for_each = local.pipelines

  bucket       = local.bucket
  name         = "${var.name}/${each.key}.pipeline"
  source       = each.value
  content_type = "application/zip"

  lifecycle {
    ignore_changes = [source] # the name is the content's digest: the same bytes from another path change nothing
  }
}
