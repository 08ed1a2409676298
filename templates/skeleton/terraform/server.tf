resource "terraform_data" "server" {
  # What the destroy needs, since it cannot look at variables any more.
  input = {
    folder = local.folder
    python = local.python
  }

  # A new artifact, package or setting is a new server: the old one is stopped first.
  triggers_replace = {
    folder   = local.folder
    package  = local.package_digest
    pipeline = local.pipeline_digest
    port     = var.port
    tags     = var.tags
  }

  provisioner "local-exec" {
    command = <<-EOT
      set -e
      mkdir -p -m 700 "$FOLDER"
      "$PYTHON" -m zipfile -e "$PACKAGE" "$FOLDER/app"
      cp "$PIPELINE" "$FOLDER/app.pipeline"
      PYTHONPATH="$FOLDER/app" "$PYTHON" -P -m skeleton_scorer start "$FOLDER"
    EOT
    environment = {
      FOLDER   = local.folder
      HOST     = "127.0.0.1"
      PACKAGE  = local.package
      PIPELINE = local.pipeline
      PORT     = tostring(var.port)
      PYTHON   = local.python
      TAGS     = join("\n", [for name, value in var.tags : "${name}=${value}"])
    }
  }

  # Lets requests at work finish, for half a minute at most.
  provisioner "local-exec" {
    when    = destroy
    command = <<-EOT
      set -e
      [ ! -d "$FOLDER/app" ] || PYTHONPATH="$FOLDER/app" "$PYTHON" -P -m skeleton_scorer stop "$FOLDER"
      rm -rf "$FOLDER"
    EOT
    environment = {
      FOLDER = self.input.folder
      PYTHON = self.input.python
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
  }
}
