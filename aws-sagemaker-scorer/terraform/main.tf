locals {
  _current = abspath(pathexpand(var.pipeline_path))

  # An absent file gets a key of its own, so that the precondition on it can speak; `destroy` needs no files.
  _paths     = distinct([for path in concat([local._current], var.kept_pipeline_paths) : abspath(pathexpand(path))])
  _artifacts = { for path in local._paths : fileexists(path) ? filesha256(path) : "missing:${path}" => path... }
  _digest    = fileexists(local._current) ? filesha256(local._current) : "missing:${local._current}"
  _release   = coalesce(var.release, local._digest)

  # `make package` has put each artifact there as SageMaker wants it, with its sample request.
  _models = abspath("${path.module}/../build/models")

  _bucket = var.bucket == null ? aws_s3_bucket.own[0].id : var.bucket
  _role   = var.role_arn == null ? aws_iam_role.model[0].arn : var.role_arn

  # Models and configurations cannot be changed, so what they are made of is part of their names: a change makes
  # new ones, the endpoint moves, and the old ones go.
  _of_model = sha256(jsonencode([var.image, var.role_arn, var.security_group_ids, var.settings, var.subnet_ids]))
  _of_config = sha256(jsonencode([
    local._of_model, local._capture, var.instance_count, var.instance_type, var.kms_key_arn, var.serverless,
  ]))
  _capture = var.capture_percent > 0 ? { share = var.capture_percent, place = "s3://${local._bucket}/${local._captured}" } : null

  _captured  = "${var.name}/captured"
  _prefix    = "${var.name}/"
  _variant   = "live"
  _log_group = "/aws/sagemaker/Endpoints/${var.name}"

  # ACCOUNT.dkr.ecr.REGION.SUFFIX/REPOSITORY@DIGEST; an image elsewhere needs a role_arn of its own.
  _registry   = try(regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^@:]+)", var.image), null)
  _partition  = split(":", aws_cloudwatch_log_group.endpoint.arn)[1]
  _repository = local._registry == null ? null : "arn:${local._partition}:ecr:${local._registry[1]}:${local._registry[0]}:repository/${local._registry[2]}"
}
