resource "aws_s3_bucket" "own" {
  count = var.bucket == null ? 1 : 0

  bucket_prefix = "${var.name}-"
  force_destroy = true # with captured data, if any: bring a bucket to keep them
}

resource "aws_s3_bucket_public_access_block" "own" {
  count = var.bucket == null ? 1 : 0

  bucket                  = aws_s3_bucket.own[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "own" {
  count = var.bucket == null ? 1 : 0

  bucket = aws_s3_bucket.own[0].id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      kms_master_key_id = var.kms_key_arn
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
    }
  }
}
