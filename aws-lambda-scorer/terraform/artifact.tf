resource "aws_s3_object" "artifact" {
  for_each = local._stored ? local._artifacts : {}

  bucket       = local._bucket
  key          = "${local._prefix}${each.key}.pipeline"
  source       = each.value[0]
  source_hash  = each.key
  content_type = "application/zip"

  lifecycle {
    # A version that still answers reads its artifact until the alias has moved on.
    create_before_destroy = true

    precondition {
      condition     = fileexists(each.value[0])
      error_message = "No artifact at ${each.value[0]}. Make one with `scoring experiment` or `scoring pack`, or correct pipeline_path or kept_pipeline_paths."
    }
  }

  depends_on = [
    aws_s3_bucket_public_access_block.own,
    aws_s3_bucket_server_side_encryption_configuration.own,
    aws_s3_bucket_versioning.own,
  ]
}
