variable "access_log" {
  description = "Write a line for each request to a log group of API Gateway. API Gateway needs a role for that, one for each account and region: see gateway_account."
  type        = bool
  default     = true
}

variable "alarm_email" {
  description = "Make an SNS topic for the alarms and send its messages to this address, whose owner has to confirm. Null makes none."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "alarm_email is not an address. Give one such as ops@example.com, or leave it out."
  }
}

variable "alarm_p99_ms" {
  description = "Alarm when the 99th percentile of the answer time, in milliseconds, stays above this for 15 minutes. A cold start counts."
  type        = number
  default     = 1000

  validation {
    condition     = var.alarm_p99_ms > 0
    error_message = "alarm_p99_ms must be more than 0 milliseconds. Set alarms = false for no alarm at all."
  }
}

variable "alarm_topic_arn" {
  description = "An SNS topic of yours that the alarms notify. Null notifies nobody (or alarm_email, if that is set)."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn is not the ARN of an SNS topic. It looks like arn:aws:sns:us-east-1:123456789012:alarms."
  }
}

variable "alarms" {
  description = "Make the alarms on errors, throttles and answer time."
  type        = bool
  default     = true
}

variable "architecture" {
  description = "Processor of the function: arm64 (cheaper) or x86_64. The package must be built for the same one."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64, the one that the package was built for: make package ARCH=x86_64."
  }
}

variable "batch_location" {
  description = "A place in S3, such as s3://bucket/scoring/, below which the function may read and write files of a batch. Null allows none."
  type        = string
  default     = null

  validation {
    condition     = var.batch_location == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9!_.'()/-]+/)?$", var.batch_location))
    error_message = "batch_location must name a bucket, may name a prefix, and ends in a slash: s3://bucket/scoring/."
  }
}

variable "bucket" {
  description = "A bucket of yours for the artifact. The recipe adds its objects below <name>/ and removes just those. Null makes a bucket."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be the plain name of a bucket (3 to 63 small letters, digits, dots and hyphens), without s3:// and without a path."
  }
}

variable "burst_limit" {
  description = "Requests that may come at once on top of rate_limit, for the key and for the whole stage."
  type        = number
  default     = 100

  validation {
    condition     = var.burst_limit >= 1 && floor(var.burst_limit) == var.burst_limit
    error_message = "burst_limit must be a whole number of requests, 1 or more."
  }
}

variable "canary_version" {
  description = "Another published version that gets canary_weight of the requests. Null sends all of them to the release."
  type        = string
  default     = null

  validation {
    condition     = var.canary_version == null || can(regex("^[1-9][0-9]*$", var.canary_version))
    error_message = "canary_version must be the number of a published version, such as 4. `aws lambda list-versions-by-function` lists them."
  }
}

variable "canary_weight" {
  description = "Share of the requests, from 0 to 1, that canary_version answers."
  type        = number
  default     = 0

  validation {
    condition     = var.canary_weight >= 0 && var.canary_weight <= 1
    error_message = "canary_weight is a share from 0 to 1: 0.1 sends one request in ten to canary_version."
  }
}

variable "function_url" {
  description = "Give the function an address of its own too, for callers that sign their requests with IAM. It has neither key nor usage plan."
  type        = bool
  default     = false
}

variable "gateway_account" {
  description = "Let API Gateway write logs in this account and region: a role and a setting that all its APIs share. True for the first API ever, in one deployment only."
  type        = bool
  default     = false
}

variable "health_without_key" {
  description = "Answer GET /livez and GET /readyz without a key, for monitors. Each such request still runs the function."
  type        = bool
  default     = false
}

variable "keep_bucket" {
  description = "Leave the bucket that the recipe made when all else is destroyed; false removes it with all that is in it. Decide before the first apply. Your own bucket always stays."
  type        = bool
  default     = true
}

variable "kept_pipeline_paths" {
  description = "Artifacts of earlier releases. They stay uploaded and readable, so that release or canary_version can name a version that uses one."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "A KMS key of yours for the logs, the environment, the queue and the recipe's own bucket. Its policy must let CloudWatch Logs use it. Null takes the keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is not the ARN of a key. It looks like arn:aws:kms:us-east-1:123456789012:key/..., not like an alias."
  }
}

variable "layers" {
  description = "ARNs of Lambda layers for the function, at most five."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.layers) <= 5
    error_message = "Lambda takes at most five layers. Put several into one."
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

variable "memory_mb" {
  description = "Memory of the function. Processor time grows with it: 1769 MB is one whole core."
  type        = number
  default     = 1024

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 128 to 10240."
  }
}

variable "name" {
  description = "Name of the deployment. Every resource is named after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,34}[a-z0-9]$", var.name))
    error_message = "name must have 2 to 36 small letters, digits and hyphens, start with a letter and not end in a hyphen, such as model-hydraulic-lambda."
  }
}

variable "package_path" {
  description = "The function's zip. Null takes build/function.zip of the template, which `make package` builds."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds what the roles made here may do, where your organisation asks for one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary is not the ARN of a policy. It looks like arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "pipeline_path" {
  description = "The artifact to serve, a file named *.pipeline."
  type        = string
}

variable "pipeline_uri" {
  description = "Where the function finds the artifact if not in S3: a path in one of layers, such as /opt/mine.pipeline. Nothing is uploaded then; pipeline_path still says which artifact it must be."
  type        = string
  default     = null

  validation {
    condition     = var.pipeline_uri == null || can(regex("^/(opt|var/task)/.+", var.pipeline_uri))
    error_message = "pipeline_uri must be a path below /opt (a layer) or /var/task (the package). Leave it out to serve the artifact from S3."
  }
}

variable "provisioned_concurrency" {
  description = "Environments kept warm for the release. They are paid for around the clock."
  type        = number
  default     = 0

  validation {
    condition     = var.provisioned_concurrency >= 0 && floor(var.provisioned_concurrency) == var.provisioned_concurrency
    error_message = "provisioned_concurrency must be a whole number, 0 for none."
  }
}

variable "queue" {
  description = "Make an SQS queue whose messages the function scores, and a second one for messages that failed three times."
  type        = bool
  default     = false
}

variable "quota_limit" {
  description = "Requests that the key may make in each quota_period. Null sets no quota."
  type        = number
  default     = 1000000

  validation {
    condition     = var.quota_limit == null || try(var.quota_limit >= 1 && floor(var.quota_limit) == var.quota_limit, false)
    error_message = "quota_limit must be a whole number of requests, 1 or more, or null for no quota."
  }
}

variable "quota_period" {
  description = "Time after which the quota starts anew: DAY, WEEK or MONTH."
  type        = string
  default     = "MONTH"

  validation {
    condition     = contains(["DAY", "WEEK", "MONTH"], var.quota_period)
    error_message = "quota_period must be DAY, WEEK or MONTH."
  }
}

variable "rate_limit" {
  description = "Requests a second, in the long run, for the key and for the whole stage."
  type        = number
  default     = 50

  validation {
    condition     = var.rate_limit > 0
    error_message = "rate_limit must be more than 0 requests a second."
  }
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
  description = "Published version that answers, as an earlier `release` output named it: this is how to roll back. Null takes the newest."
  type        = string
  default     = null

  validation {
    condition     = var.release == null || can(regex("^[1-9][0-9]*$", var.release))
    error_message = "release must be the number of a published version, as the output `release` gave it, such as 3. Leave it out for the newest."
  }
}

variable "reserved_concurrency" {
  description = "Environments that the function may have at most, taken out of the account's limit. 0 stops it; null sets no limit."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency must be a whole number, 0 or more, or null for no limit of its own."
  }
}

variable "role_arn" {
  description = "A role for the function, where you may not make any. What it needs is in README, Settings. Null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.role_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn is not the ARN of a role. It looks like arn:aws:iam::123456789012:role/scorer."
  }
}

variable "runtime" {
  description = "Python of the function. The package must be built for the same one."
  type        = string
  default     = "python3.11"

  validation {
    condition     = can(regex("^python3\\.(1[1-9])$", var.runtime))
    error_message = "runtime must be python3.11 or a later one that Lambda has, such as python3.13."
  }
}

variable "security_group_ids" {
  description = "Security groups of the function in a VPC, along with subnet_ids."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "Settings of the scorer, such as { SCORER_LENIENT = \"true\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.settings) : startswith(key, "SCORER_")])
    error_message = "The names in settings begin with SCORER_. They are visible to whoever may read the function's configuration: put no secret there."
  }
}

variable "snap_start" {
  description = "Start new environments from a snapshot of one that has loaded the artifact. Needs a runtime from python3.12 on, and no provisioned_concurrency."
  type        = bool
  default     = false
}

variable "subnet_ids" {
  description = "Subnets of a VPC to run the function in. They need a way to S3, such as a gateway endpoint. Empty runs it outside any VPC of yours."
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

variable "timeout_s" {
  description = "Seconds that one invocation may take. API Gateway waits 29; more is for batches and the queue."
  type        = number
  default     = 29

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s must be a whole number of seconds from 1 to 900."
  }
}

variable "tls_only" {
  description = "Have the recipe's own bucket refuse requests without TLS. Recipe and function always use TLS on AWS; false is for an emulator that enforces policies and speaks plain HTTP."
  type        = bool
  default     = true
}

variable "tracing" {
  description = "Trace requests with AWS X-Ray, in the gateway and in the function."
  type        = bool
  default     = false
}
