provider "aws" {
  region = var.region

  # Whatever can carry tags gets them, so that a bill or a search finds all of a deployment.
  default_tags {
    tags = merge(var.tags, { deployment = var.name, template = "aws-sagemaker-scorer" })
  }
}
