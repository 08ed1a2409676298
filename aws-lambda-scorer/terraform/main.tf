locals {
  _package = pathexpand(coalesce(var.package_path, "${path.module}/../build/function.zip"))
  _current = pathexpand(var.pipeline_path)

  # An absent file gets a key of its own, so that the precondition on it can speak; `destroy` needs no files.
  _paths     = distinct([for path in concat([local._current], var.kept_pipeline_paths) : pathexpand(path)])
  _artifacts = { for path in local._paths : fileexists(path) ? filesha256(path) : "missing:${path}" => path... }
  _digest    = fileexists(local._current) ? filesha256(local._current) : "missing:${local._current}"

  # The deployment's name is part of the key: two deployments of one artifact may share a bucket, and either may go.
  _prefix      = "${var.name}/"
  _stored      = var.pipeline_uri == null
  _own_bucket  = local._stored && var.bucket == null
  _kept_bucket = local._own_bucket && var.keep_bucket

  _bucket = one(concat(
    var.bucket == null ? [] : [var.bucket],
    aws_s3_bucket.own[*].id,
    [for stack in aws_cloudformation_stack.bucket : stack.outputs["Name"]],
  ))

  _alias     = "live"
  _partition = split(":", aws_cloudwatch_log_group.function.arn)[1]
}
