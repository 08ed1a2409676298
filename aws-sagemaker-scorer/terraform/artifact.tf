resource "aws_s3_object" "model" {
  for_each = local._artifacts

  bucket       = local._bucket
  key          = "${local._prefix}${each.key}.tar.gz"
  source       = "${local._models}/${each.key}.tar.gz"
  source_hash  = each.key
  content_type = "application/gzip"

  lifecycle {
    # Instances that start meanwhile still read the model of the earlier release.
    create_before_destroy = true

    precondition {
      condition     = !startswith(each.key, "missing:")
      error_message = "No artifact at ${each.value[0]}. Make one with `scoring experiment` or `scoring pack`, or correct pipeline_path or kept_pipeline_paths."
    }

    precondition {
      condition     = fileexists("${local._models}/${each.key}.tar.gz")
      error_message = "No model data of ${each.value[0]} in ${local._models}. Run `make package PIPELINE=${each.value[0]}` first."
    }
  }

  depends_on = [
    aws_s3_bucket_public_access_block.own,
    aws_s3_bucket_server_side_encryption_configuration.own,
  ]
}
