# The schema, which is the deployment's alone. What is in it is removed when the deployment is, or moves away.
resource "terraform_data" "schema" {
  input = {
    connection = local.connection
    package    = local.package
  }

  triggers_replace = local.connection

  # Where this fails, nothing was made, and Terraform does not run the removal of what is not there.
  provisioner "local-exec" {
    command = "\"$PACKAGE\" prepare"
    environment = merge(local.connection, {
      OWNER   = self.id
      PACKAGE = local.package
    })
  }

  provisioner "local-exec" {
    when    = destroy
    command = "[ -x \"$PACKAGE\" ] || { echo \"No package at $PACKAGE. Run 'make package' first.\" >&2; exit 1; }; \"$PACKAGE\" remove"
    environment = merge(self.input.connection, {
      OWNER   = self.id
      PACKAGE = self.input.package
    })
  }
}

resource "terraform_data" "functions" {
  # A new artifact, package, form, role or tag is installed over the earlier one, in one transaction.
  triggers_replace = {
    form     = var.form
    package  = local.package_digest
    pipeline = local.pipeline_digest
    roles    = sort(var.roles)
    schema   = terraform_data.schema.id
    tags     = var.tags
  }

  provisioner "local-exec" {
    command = "\"$PACKAGE\" install \"$PIPELINE\""
    environment = merge(local.connection, {
      FORM     = var.form
      OWNER    = terraform_data.schema.id
      PACKAGE  = local.package
      PIPELINE = local.pipeline
      ROLES    = join(",", sort(var.roles))
      TAGS     = join(", ", [for name, value in var.tags : "${name}=${value}"])
    })
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
      condition     = local.service_file == "" ? true : fileexists(local.service_file)
      error_message = "There is no file of connection services at ${local.service_file}."
    }
  }
}
