locals {
  # Looked up once, so that a missing file is the precondition's to explain.
  package         = abspath("${path.module}/../build/package.zip")
  pipeline        = abspath(pathexpand(var.pipeline_path))
  package_digest  = fileexists(local.package) ? filesha256(local.package) : ""
  pipeline_digest = fileexists(local.pipeline) ? filesha256(local.pipeline) : ""

  # `make package` has noted there which Python it ran on.
  made_by = "${path.module}/../build/python"
  python  = coalesce(var.python, fileexists(local.made_by) ? trimspace(file(local.made_by)) : "python3")

  folder = abspath("${path.module}/../build/running/${var.name}")
  url    = "http://127.0.0.1:${var.port}"
}
