# Terraform removes what it made, and CloudFormation can leave it: so a bucket that is to stay is a stack of one bucket.
resource "aws_cloudformation_stack" "bucket" {
  count = local._kept_bucket ? 1 : 0

  name = "${var.name}-bucket"
  template_body = jsonencode({
    Resources = {
      Artifacts = {
        Type                = "AWS::S3::Bucket"
        DeletionPolicy      = "Retain"
        UpdateReplacePolicy = "Retain"
      }
    }
    Outputs = { Name = { Value = { Ref = "Artifacts" } } }
  })
}

resource "aws_s3_bucket" "own" {
  count = local._own_bucket && !var.keep_bucket ? 1 : 0

  bucket_prefix = "${var.name}-"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "own" {
  count = local._own_bucket ? 1 : 0

  bucket                  = local._bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "own" {
  count = local._own_bucket ? 1 : 0

  bucket = local._bucket

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      kms_master_key_id = var.kms_key_arn
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
    }
  }
}

resource "aws_s3_bucket_versioning" "own" {
  count = local._own_bucket ? 1 : 0

  bucket = local._bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_policy" "own" {
  count = local._own_bucket && var.tls_only ? 1 : 0

  bucket = local._bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      # AWS reads S3 and s3 alike. Some emulators take a Deny without its condition, and would refuse all that comes after.
      Action    = "S3:*"
      Resource  = ["arn:${local._partition}:s3:::${local._bucket}", "arn:${local._partition}:s3:::${local._bucket}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 refuses to change both at once.
  depends_on = [aws_s3_bucket_public_access_block.own]
}
