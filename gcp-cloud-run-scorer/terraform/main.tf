# What the other files share. The service itself is in service.tf.
locals {
  digest = fileexists(var.pipeline_path) ? filesha256(var.pipeline_path) : "missing"
  # Artifacts by digest: the one to serve, and those to which `release` may go back.
  pipelines = merge(
    { for path in var.kept_pipeline_paths : filesha256(path) => path },
    local.digest == "missing" ? {} : { (local.digest) = var.pipeline_path },
  )

  packaged = "${path.module}/../build/image.json"
  image    = var.image != null ? var.image : try(jsondecode(file(local.packaged)).reference, null)

  bucket = var.bucket != null ? var.bucket : google_storage_bucket.pipelines[0].name
  object = "${var.name}/${local.digest}.pipeline"
  mount  = "/mnt/pipelines"

  key    = var.api_key_source != "none"
  secret = var.api_key_source == "secret" ? var.api_key_secret : "${var.name}-api-key"

  # Whether Google asks callers who they are.
  private = !var.invoker_iam_disabled && !contains(var.invokers, "allUsers")

  apis = var.enable_apis ? toset(concat(
    ["iam.googleapis.com", "run.googleapis.com", "storage.googleapis.com"],
    var.repository == null ? [] : ["artifactregistry.googleapis.com"],
    local.key ? ["secretmanager.googleapis.com"] : [],
    var.bigquery_dataset == null ? [] : ["bigquery.googleapis.com", "bigqueryconnection.googleapis.com"],
  )) : toset([])
}

resource "google_project_service" "used" {
  for_each = local.apis

  service            = each.value
  disable_on_destroy = false # others in the project may use it
}
