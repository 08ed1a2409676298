locals {
  environment = merge(
    {
      GOOGLE_CLOUD_PROJECT   = var.project
      PIPELINE_DIGEST        = local.digest
      SCORER_CAPACITY_SCORES = tostring(var.concurrency)
      WORKERS                = tostring(var.cpu)
    },
    var.delivery == "mount"
    ? { PIPELINE_PATH = "${local.mount}/${local.object}" }
    : { PIPELINE_URI = "gs://${local.bucket}/${local.object}" },
    var.environment,
  )

  # A revision is named after all that makes it, so that its name is known before it is made and the same
  # settings are never two revisions. Whatever changes in this file changes the name too.
  settings = jsonencode({
    key         = local.key ? [local.secret, var.api_key_version] : []
    always      = var.cpu_always
    bucket      = var.bucket
    concurrency = var.concurrency
    cpu         = var.cpu
    delivery    = var.delivery
    environment = var.environment
    image       = local.image
    instances   = [var.min_instances, var.max_instances]
    labels      = var.labels
    memory      = var.memory
    recipe      = filesha256("${path.module}/service.tf")
    timeout     = var.timeout_seconds
    vpc         = var.vpc
  })
  revision = "${var.name}-${substr(local.digest, 0, 12)}-${substr(sha256(local.settings), 0, 6)}"

  # The revision that answers, beside a canary; null: the newest one.
  release = var.release == local.revision ? null : var.release
  traffic = local.release == null ? [] : [
    for revision, percent in { (local.release) = 100 - var.canary_percent, (local.revision) = var.canary_percent } :
    { revision = revision, percent = percent } if percent > 0
  ]
  served = local.release == null ? local.digest : one([
    for digest in keys(local.pipelines) : digest
    if startswith(local.release, "${var.name}-${substr(digest, 0, 12)}-")
  ])
}

resource "google_cloud_run_v2_service" "scorer" {
  name                 = var.name
  location             = var.region
  description          = "Scores with the pipeline ${substr(local.digest, 0, 12)}"
  deletion_protection  = var.deletion_protection
  invoker_iam_disabled = var.invoker_iam_disabled
  labels               = var.labels

  ingress = {
    "all"                        = "INGRESS_TRAFFIC_ALL"
    "internal"                   = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    "internal-and-load-balancer" = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  }[var.ingress]

  template {
    revision                         = local.revision
    service_account                  = google_service_account.run.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2" # which mounting a bucket needs
    labels                           = var.labels
    max_instance_request_concurrency = var.concurrency
    timeout                          = "${var.timeout_seconds}s"

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = local.image

      ports {
        container_port = 8080
      }

      resources {
        cpu_idle          = !var.cpu_always
        startup_cpu_boost = true
        limits = {
          cpu    = tostring(var.cpu)
          memory = var.memory
        }
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.key ? [local.secret] : []
        content {
          name = "API_KEY"
          value_source {
            secret_key_ref {
              secret = env.value
              # A version is named, so that a revision always has the key that it was made with.
              version = (
                var.api_key_source == "generated"
                ? google_secret_manager_secret_version.api_key[0].version
                : tostring(var.api_key_version)
              )
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 60
        http_get {
          path = "/readyz"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/livez"
          port = 8080
        }
      }

      dynamic "volume_mounts" {
        for_each = var.delivery == "mount" ? [local.mount] : []
        content {
          name       = "pipelines"
          mount_path = volume_mounts.value
        }
      }
    }

    dynamic "volumes" {
      for_each = var.delivery == "mount" ? [local.bucket] : []
      content {
        name = "pipelines"
        gcs {
          bucket    = volumes.value
          read_only = true
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.vpc == null ? [] : [var.vpc]
      content {
        egress = vpc_access.value.egress
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
          tags       = vpc_access.value.tags
        }
      }
    }
  }

  dynamic "traffic" {
    for_each = local.traffic
    content {
      type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
      revision = traffic.value.revision
      percent  = traffic.value.percent
    }
  }

  dynamic "traffic" {
    for_each = length(local.traffic) == 0 ? [100] : []
    content {
      type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
      percent = traffic.value
    }
  }

  lifecycle {
    precondition {
      condition     = local.digest != "missing"
      error_message = "There is no artifact at pipeline_path (${var.pipeline_path}). Make one with `scoring experiment`, or name another file."
    }

    precondition {
      condition     = can(regex("@sha256:[0-9a-f]{64}$", local.image))
      error_message = "There is no pushed image. Run `make package ARGS=\"repository=${var.region}-docker.pkg.dev/${var.project}/REPOSITORY\"`, or set image to HOST/PATH@sha256:..."
    }

    precondition {
      condition     = local.served != null
      error_message = "The artifact of release ${coalesce(var.release, "?")} is neither pipeline_path nor among kept_pipeline_paths, so its instances could not start."
    }

    precondition {
      condition     = var.canary_percent == 0 || var.release != null
      error_message = "canary_percent shares requests between `release` and the newest revision: set release to the output `release` of what answers now."
    }

    precondition {
      condition     = (var.api_key_source == "secret") == (var.api_key_secret != null)
      error_message = "api_key_source = \"secret\" and api_key_secret go together."
    }

    precondition {
      condition     = var.bigquery_dataset == null || !local.key
      error_message = "BigQuery shows Google who it is and can carry no API key: leave api_key_source at \"none\" beside bigquery_dataset."
    }

    precondition {
      condition     = var.max_instances >= var.min_instances
      error_message = "max_instances must be at least min_instances."
    }
  }

  depends_on = [
    google_project_service.used,
    google_secret_manager_secret_iam_member.run_reads_api_key,
    google_storage_bucket_iam_member.run_reads_pipelines,
    google_storage_bucket_object.pipeline,
  ]
}
