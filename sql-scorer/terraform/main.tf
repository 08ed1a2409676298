locals {
  # Looked up once, so that a missing file is the precondition's to explain.
  package         = abspath("${path.module}/../build/installer.pyz")
  pipeline        = abspath(pathexpand(var.pipeline_path))
  package_digest  = fileexists(local.package) ? filesha256(local.package) : ""
  pipeline_digest = fileexists(local.pipeline) ? filesha256(local.pipeline) : ""

  schema       = coalesce(var.schema, replace(var.name, "-", "_"))
  service_file = var.service_file == null ? "" : abspath(pathexpand(var.service_file))

  # What a connection needs. Passwords are none of Terraform's business: libpq finds them in ~/.pgpass.
  connection = merge(
    { SCHEMA = local.schema, SERVICE = var.service },
    local.service_file == "" ? {} : { PGSERVICEFILE = local.service_file },
  )
}
