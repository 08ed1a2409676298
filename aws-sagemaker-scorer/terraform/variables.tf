variable "bucket" {
  description = "A bucket of yours for models and captured data. The recipe adds its objects below <name>/ and removes just those. Null makes a bucket, which goes with the deployment."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be the plain name of a bucket (3 to 63 small letters, digits, dots and hyphens), without s3:// and without a path."
  }
}

variable "capture_percent" {
  description = "Share of the requests, from 0 to 100, that SageMaker writes to <name>/captured in the bucket, with all their values. 0 writes none."
  type        = number
  default     = 0

  validation {
    condition     = var.capture_percent >= 0 && var.capture_percent <= 100 && floor(var.capture_percent) == var.capture_percent
    error_message = "capture_percent must be a whole number from 0 to 100."
  }
}

variable "image" {
  description = "The image in ECR, by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:... README, Deploy, says how it comes there."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][^@ ]+/[^@ ]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must name an image by its digest, such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/scorer@sha256:... A tag could be moved to another image."
  }
}

variable "instance_count" {
  description = "Instances of the endpoint; with max_instances, the fewest."
  type        = number
  default     = 1

  validation {
    condition     = var.instance_count >= 1 && floor(var.instance_count) == var.instance_count
    error_message = "instance_count must be a whole number, 1 or more."
  }
}

variable "instance_type" {
  description = "Kind of the instances; one with ARM processors (ml.c7g.large) wants a package made with arch=aarch64."
  type        = string
  default     = "ml.c5.large"

  validation {
    condition     = can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type must be a kind that SageMaker has, such as ml.c5.large."
  }
}

variable "invocations_per_minute" {
  description = "Requests a minute for each instance that scaling aims at, with max_instances."
  type        = number
  default     = 6000

  validation {
    condition     = var.invocations_per_minute > 0
    error_message = "invocations_per_minute must be more than 0."
  }
}

variable "kept_pipeline_paths" {
  description = "Artifacts of earlier releases, packaged as pipeline_path is. Their models stay, so that release can name one."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "A KMS key of yours for the bucket, the log, captured data and the disks of instances. Null takes the keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is not the ARN of a key. It looks like arn:aws:kms:us-east-1:123456789012:key/..., not like an alias."
  }
}

variable "log_retention_days" {
  description = "Days that log lines are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days. Take one of these."
  }
}

variable "max_instances" {
  description = "Instances that the endpoint may grow to under load. Null keeps instance_count."
  type        = number
  default     = null

  validation {
    condition     = var.max_instances == null || try(var.max_instances >= 1 && floor(var.max_instances) == var.max_instances, false)
    error_message = "max_instances must be a whole number, 1 or more, or null for no scaling."
  }
}

variable "name" {
  description = "Name of the deployment and of its endpoint. Every resource is named after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,34}[a-z0-9]$", var.name))
    error_message = "name must have 2 to 36 small letters, digits and hyphens, start with a letter and not end in a hyphen, such as model-hydraulic."
  }
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds what the role made here may do, where your organisation asks for one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary is not the ARN of a policy. It looks like arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "pipeline_path" {
  description = "The artifact to serve, a file named *.pipeline, whose model data `make package` has made."
  type        = string
}

variable "region" {
  description = "AWS region of the deployment."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of a region, such as us-east-1 or eu-central-1."
  }
}

variable "release" {
  description = "sha256 of the artifact that answers, as an earlier `release` output named it: this is how to roll back. Null takes the one at pipeline_path."
  type        = string
  default     = null

  validation {
    condition     = var.release == null || can(regex("^[0-9a-f]{64}$", var.release))
    error_message = "release must be the sha256 of an artifact, as the output `release` gave it: 64 digits from 0 to f."
  }
}

variable "role_arn" {
  description = "A role for the model, where you may not make any. What it needs is in README, Settings. Null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.role_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn is not the ARN of a role. It looks like arn:aws:iam::123456789012:role/scorer."
  }
}

variable "security_group_ids" {
  description = "Security groups of the model in a VPC, along with subnet_ids."
  type        = list(string)
  default     = []
}

variable "serverless" {
  description = "Serve without instances: { memory_mb, max_concurrency }. Null takes instances."
  type = object({
    max_concurrency = number
    memory_mb       = number
  })
  default = null

  validation {
    condition     = var.serverless == null || try(contains([1024, 2048, 3072, 4096, 5120, 6144], var.serverless.memory_mb) && var.serverless.max_concurrency >= 1 && var.serverless.max_concurrency <= 200, false)
    error_message = "serverless wants memory_mb (1024, 2048, ... 6144) and max_concurrency (1 to 200)."
  }
}

variable "settings" {
  description = "Settings of the scorer, such as { SCORER_LENIENT = \"true\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.settings) : startswith(key, "SCORER_")])
    error_message = "The names in settings begin with SCORER_. They are visible to whoever may describe the model: put no secret there."
  }
}

variable "subnet_ids" {
  description = "Subnets of a VPC to run the model in. They need a way to S3, such as a gateway endpoint. Empty runs it outside any VPC of yours."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags for all that is made, next to `deployment` and `template`."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.tags) <= 8
    error_message = "At most 8 tags: an S3 object carries ten, and two are the recipe's own."
  }

  validation {
    condition     = alltrue([for key in keys(var.tags) : !contains(["deployment", "template"], key) && !startswith(lower(key), "aws:")])
    error_message = "The tags `deployment` and `template` are the recipe's own, and aws: is Amazon's. Take other names."
  }
}
