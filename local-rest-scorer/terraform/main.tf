locals {
  # Looked up once, so that a missing file is the precondition's to explain.
  package         = abspath("${path.module}/../build/server.pyz")
  pipeline        = abspath(pathexpand(var.pipeline_path))
  package_digest  = fileexists(local.package) ? filesha256(local.package) : ""
  pipeline_digest = fileexists(local.pipeline) ? filesha256(local.pipeline) : ""

  folder = "${abspath(pathexpand(var.state_dir))}/${var.name}"

  tls = {
    for name, path in {
      TLS_CERT_FILE      = var.tls_certificate_path
      TLS_CLIENT_CA_FILE = var.tls_client_ca_path
      TLS_KEY_FILE       = var.tls_key_path
    } : name => path == null ? "" : abspath(pathexpand(path))
  }

  settings = merge(var.environment, local.tls, {
    HOST    = var.host
    PORT    = tostring(var.port)
    TAGS    = join("\n", [for name, value in var.tags : "${name}=${value}"])
    WORKERS = tostring(var.workers)
  })
}
