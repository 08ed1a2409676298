# A generated API key: 244 random bits, in the state (sensitive) and in Secret Manager, and never in a variable.
# `secret_data_wo` would keep it out of the state, but wants Terraform 1.11, and then nothing could output it.
resource "terraform_data" "api_key_version" {
  count = var.api_key_source == "generated" ? 1 : 0

  input = var.api_key_version
}

resource "terraform_data" "api_key" {
  count = var.api_key_source == "generated" ? 1 : 0

  # Not `input`: Terraform copies that into `output`, which no plan would hide.
  triggers_replace = sensitive("sk-${replace("${uuid()}${uuid()}", "-", "")}")

  lifecycle {
    ignore_changes       = [triggers_replace]
    replace_triggered_by = [terraform_data.api_key_version]
  }
}

resource "google_secret_manager_secret" "api_key" {
  count = var.api_key_source == "generated" ? 1 : 0

  secret_id = local.secret
  labels    = var.labels

  replication {
    auto {}
  }

  depends_on = [google_project_service.used]
}

resource "google_secret_manager_secret_version" "api_key" {
  count = var.api_key_source == "generated" ? 1 : 0

  secret      = google_secret_manager_secret.api_key[0].id
  secret_data = terraform_data.api_key[0].triggers_replace

  lifecycle {
    create_before_destroy = true # the revision that answers starts instances with the old one until the new is there
  }
}
