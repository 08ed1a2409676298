# Outlives the server, so that the log survives a new artifact; what is left goes when the deployment does.
resource "terraform_data" "folder" {
  input            = local.folder
  triggers_replace = local.folder

  provisioner "local-exec" {
    when    = destroy
    command = "[ ! -x \"$FOLDER/scorer\" ] || \"$FOLDER/scorer\" remove"
    environment = {
      FOLDER = self.input
      OWNER  = self.id
    }
  }
}

resource "terraform_data" "server" {
  input = {
    folder = local.folder
    owner  = terraform_data.folder.id
  }

  # A new artifact, package, setting, certificate or key is a new server: the old one is stopped first.
  triggers_replace = {
    certificate = var.tls_certificate_path == null ? null : try(filesha256(local.tls.TLS_CERT_FILE), null)
    folder      = terraform_data.folder.id
    key         = one(terraform_data.api_key[*].id)
    package     = local.package_digest
    pipeline    = local.pipeline_digest
    settings    = local.settings
  }

  # Starts the packaged server under its supervisor and waits until it is ready; does nothing to one that is.
  provisioner "local-exec" {
    command = "\"$PACKAGE\" start \"$PIPELINE\""
    environment = merge(local.settings, {
      API_KEY         = var.api_key_enabled ? terraform_data.api_key[0].triggers_replace : ""
      NAME            = var.name
      OWNER           = terraform_data.folder.id
      PACKAGE         = local.package
      PIPELINE        = local.pipeline
      PIPELINE_DIGEST = local.pipeline_digest
      READY_SECONDS   = tostring(var.ready_seconds)
      STATE_DIR       = dirname(local.folder)
    })
  }

  # Lets requests at work finish, for half a minute at most.
  provisioner "local-exec" {
    when    = destroy
    command = "[ ! -x \"$FOLDER/scorer\" ] || \"$FOLDER/scorer\" stop"
    environment = {
      FOLDER = self.input.folder
      OWNER  = self.input.owner
    }
  }

  lifecycle {
    precondition {
      condition     = local.package_digest != ""
      error_message = "No package at ${local.package}. Run `make package` first."
    }

    precondition {
      condition     = local.pipeline_digest != ""
      error_message = "No artifact at ${local.pipeline}. Make one with `scoring experiment` or `scoring pack`, or correct pipeline_path."
    }

    precondition {
      condition     = (var.tls_certificate_path == null) == (var.tls_key_path == null) && (var.tls_client_ca_path == null || var.tls_certificate_path != null)
      error_message = "TLS wants both tls_certificate_path and tls_key_path; tls_client_ca_path only goes with them."
    }

    precondition {
      condition     = alltrue([for path in compact(values(local.tls)) : fileexists(path)])
      error_message = "One of the TLS files is not there: ${join(", ", compact(values(local.tls)))}."
    }
  }
}
