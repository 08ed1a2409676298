variable "api_key_secret" {
  type        = string
  description = "Secret of yours in Secret Manager, by its id, whose version api_key_version is the API key; for api_key_source = \"secret\"."
  default     = null

  validation {
    condition     = var.api_key_secret == null || can(regex("^[-_A-Za-z0-9]{1,255}$", var.api_key_secret))
    error_message = "api_key_secret must be the id of a secret of the project: letters, digits, - and _."
  }
}

variable "api_key_source" {
  type        = string
  description = "The API key that requests must carry beside what IAM wants: \"none\", \"generated\" (the recipe makes it; it is kept in the state and in Secret Manager) or \"secret\" (see api_key_secret)."
  default     = "none"

  validation {
    condition     = contains(["generated", "none", "secret"], var.api_key_source)
    error_message = "api_key_source must be \"none\", \"generated\" or \"secret\"."
  }
}

variable "api_key_version" {
  type        = number
  description = "Version of the API key: another number makes a new generated key, or reads that version of your secret."
  default     = 1

  validation {
    condition     = var.api_key_version >= 1 && floor(var.api_key_version) == var.api_key_version
    error_message = "api_key_version must be a whole number from 1 up."
  }
}

variable "bigquery_dataset" {
  type        = string
  description = "Dataset, which must be there, that gets the remote function `score`; null: no function."
  default     = null

  validation {
    condition     = var.bigquery_dataset == null || can(regex("^[A-Za-z0-9_]+$", var.bigquery_dataset))
    error_message = "bigquery_dataset must be the id of a dataset: letters, digits and underscores, without its project."
  }
}

variable "bigquery_location" {
  type        = string
  description = "Location of the dataset, such as \"EU\"; null: the region."
  default     = null
}

variable "bigquery_max_batching_rows" {
  type        = number
  description = "Rows that BigQuery puts into one request at most."
  default     = 5000

  validation {
    condition     = var.bigquery_max_batching_rows >= 1 && var.bigquery_max_batching_rows <= 100000
    error_message = "bigquery_max_batching_rows must be from 1 to 100000."
  }
}

variable "bucket" {
  type        = string
  description = "Bucket of yours that takes the artifact and outlives the deployment; null: the recipe makes a private, versioned one."
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][-_.a-z0-9]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be the name of a bucket, without gs://."
  }
}

variable "canary_percent" {
  type        = number
  description = "Share of requests, in percent, for the newest revision while `release` names an earlier one, which gets the rest."
  default     = 0

  validation {
    condition     = var.canary_percent >= 0 && var.canary_percent <= 100 && floor(var.canary_percent) == var.canary_percent
    error_message = "canary_percent must be a whole number from 0 to 100."
  }
}

variable "concurrency" {
  type        = number
  description = "Requests that one instance serves at a time; further ones go to another instance."
  default     = 64

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "concurrency must be from 1 to 1000."
  }
}

variable "cpu" {
  type        = number
  description = "Processors of an instance: 1, 2, 4, 6 or 8. The server starts a worker for each."
  default     = 1

  validation {
    condition     = contains([1, 2, 4, 6, 8], var.cpu)
    error_message = "cpu must be 1, 2, 4, 6 or 8."
  }
}

variable "cpu_always" {
  type        = bool
  description = "Whether an instance has its processors between requests too, which costs for as long as it lives."
  default     = false
}

variable "deletion_protection" {
  type        = bool
  description = "Whether Terraform refuses to destroy the service and a bucket of the recipe's that is not empty."
  default     = false
}

variable "delivery" {
  type        = string
  description = "How an instance gets the artifact: \"mount\" (the bucket is a read-only directory) or \"download\" (fetched at the start; the image must have been packaged with download=yes)."
  default     = "mount"

  validation {
    condition     = contains(["download", "mount"], var.delivery)
    error_message = "delivery must be \"mount\" or \"download\"."
  }
}

variable "domain" {
  type        = string
  description = "Domain of yours, verified with Google, at which the service answers too; null: none."
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain))
    error_message = "domain must be a name such as scores.example.com."
  }
}

variable "enable_apis" {
  type        = bool
  description = "Whether the recipe turns on the Google APIs that it uses; they stay on after it is destroyed."
  default     = true
}

variable "environment" {
  type        = map(string)
  description = "Further settings of the server, such as SCORER_MAX_ROWS; never a secret, since anybody who can see the service can read them."
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.environment) : can(regex("^(MODEL_ID|SHAPLEY_TYPES_ENABLED|SCORER_[A-Z_]+)$", key))])
    error_message = "environment may have MODEL_ID, SHAPLEY_TYPES_ENABLED and names that begin with SCORER_; all others are the recipe's."
  }
}

variable "image" {
  type        = string
  description = "Image by digest, HOST/PATH@sha256:...; null: the one that `make package` pushed last."
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[a-z0-9.:-]+/[-a-z0-9._/]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be named by its digest, as HOST/PATH@sha256:...; a tag can come to mean another image."
  }
}

variable "ingress" {
  type        = string
  description = "From where requests may come: \"all\", \"internal\" or \"internal-and-load-balancer\"."
  default     = "all"

  validation {
    condition     = contains(["all", "internal", "internal-and-load-balancer"], var.ingress)
    error_message = "ingress must be \"all\", \"internal\" or \"internal-and-load-balancer\"."
  }
}

variable "invoker_iam_disabled" {
  type        = bool
  description = "Whether Google asks no caller who they are. This opens the service to the world where a policy forbids allUsers; set api_key_source too."
  default     = false
}

variable "invokers" {
  type        = list(string)
  description = "Who may call the service, as IAM members such as \"user:me@example.com\"; [\"allUsers\"] opens it to the world."
  default     = []

  validation {
    condition     = alltrue([for member in var.invokers : can(regex("^(allUsers|allAuthenticatedUsers|(user|group|domain|serviceAccount|principal|principalSet):.+)$", member))])
    error_message = "invokers must be IAM members such as \"user:me@example.com\" or \"allUsers\"."
  }
}

variable "kept_pipeline_paths" {
  type        = list(string)
  description = "Artifacts of earlier releases, which stay in the bucket so that `release` can name one of them."
  default     = []
}

variable "labels" {
  type        = map(string)
  description = "Labels of everything that can have some."
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][-_a-z0-9]{0,62}$", key)) && can(regex("^[-_a-z0-9]{0,63}$", value))])
    error_message = "labels must have lower-case letters, digits, - and _ only, 63 at most, and names that begin with a letter."
  }
}

variable "max_instances" {
  type        = number
  description = "Instances at most; what goes beyond them waits, then gets 429."
  default     = 4

  validation {
    condition     = var.max_instances >= 1
    error_message = "max_instances must be at least 1."
  }
}

variable "memory" {
  type        = string
  description = "Memory of an instance, such as \"512Mi\" (the least) or \"2Gi\"; its files count towards it."
  default     = "512Mi"

  validation {
    condition     = can(regex("^((51[2-9]|5[2-9][0-9]|[6-9][0-9]{2}|[1-9][0-9]{3,4})Mi|([1-9]|[12][0-9]|3[0-2])Gi)$", var.memory))
    error_message = "memory must be from \"512Mi\" to \"32Gi\"."
  }
}

variable "min_instances" {
  type        = number
  description = "Instances that are kept ready; with 0, the first request after a quiet time waits for a start."
  default     = 0

  validation {
    condition     = var.min_instances >= 0
    error_message = "min_instances must be 0 or more."
  }
}

variable "name" {
  type        = string
  description = "Name of the service; all other names begin with it."

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{0,24}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 26 lower-case letters, digits and dashes, and begin with a letter."
  }
}

variable "pipeline_path" {
  type        = string
  description = "The artifact to serve, a *.pipeline file."
}

variable "project" {
  type        = string
  description = "Id of the Google Cloud project."

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project's id, such as my-project-123; neither its name nor its number."
  }
}

variable "region" {
  type        = string
  description = "Region of the service and of what the recipe makes beside it."
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as europe-west1; a zone has a letter more."
  }
}

variable "release" {
  type        = string
  description = "Earlier `release` output, whose revision answers again; null: the newest revision answers."
  default     = null

  validation {
    condition     = var.release == null || can(regex("^[a-z][-a-z0-9]{0,61}[a-z0-9]$", var.release))
    error_message = "release must be an earlier value of the output `release`."
  }
}

variable "repository" {
  type        = string
  description = "Artifact Registry repository that the recipe makes for images, with a clean-up policy; null: the image lies in one of yours."
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[a-z][-a-z0-9]{0,61}[a-z0-9]$", var.repository))
    error_message = "repository must be an id such as scorers: lower-case letters, digits and dashes."
  }
}

variable "timeout_seconds" {
  type        = number
  description = "Seconds after which Google gives up a request with 504."
  default     = 60

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 3600 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 1 to 3600."
  }
}

variable "vpc" {
  type = object({
    network    = string
    subnetwork = string
    egress     = optional(string, "PRIVATE_RANGES_ONLY")
    tags       = optional(list(string), [])
  })
  description = "VPC network through which the service reaches out; egress is \"PRIVATE_RANGES_ONLY\" or \"ALL_TRAFFIC\"; null: none."
  default     = null

  validation {
    condition     = var.vpc == null || contains(["ALL_TRAFFIC", "PRIVATE_RANGES_ONLY"], try(var.vpc.egress, ""))
    error_message = "vpc.egress must be \"PRIVATE_RANGES_ONLY\" or \"ALL_TRAFFIC\"."
  }
}
