locals {
  _paths   = { for path in concat([var.pipeline_path], var.kept_pipeline_paths) : substr(filesha256(path), 0, 8) => path }
  _release = coalesce(var.release, substr(filesha256(var.pipeline_path), 0, 8))
  _key     = sha256("${var.name} ${var.signature}")
}

resource "terraform_data" "first" {
  input = { name = var.name, labels = var.labels, key = local._key }

  lifecycle {
    precondition {
      condition     = fileexists("${path.module}/../build/tiny.zip")
      error_message = "No package at build/tiny.zip. Run `make package` first."
    }
  }
}

resource "terraform_data" "live" {
  triggers_replace = [local._release, var.broken, var.live]

  provisioner "local-exec" {
    command = "echo at work >> $STARTED; sleep $PAUSE; test $BROKEN = false && cp $FROM $TO.part && mv $TO.part $TO"
    environment = {
      BROKEN  = var.broken
      FROM    = local._paths[local._release]
      PAUSE   = var.pause_s
      STARTED = "${var.live}.started"
      TO      = var.live
    }
  }

  depends_on = [terraform_data.first]
}
