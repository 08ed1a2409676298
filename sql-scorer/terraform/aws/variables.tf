variable "backup_days" {
  description = "Days that backups are kept."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "Backups are kept from 1 to 35 days."
  }
}

variable "client_cidr_blocks" {
  description = "Addresses that may connect, such as [\"10.0.0.0/16\"]."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.client_cidr_blocks : can(cidrnetmask(block)) && !endswith(block, "/0")])
    error_message = "Give blocks of addresses such as 10.0.0.0/16, and never the whole internet."
  }
}

variable "client_security_group_ids" {
  description = "Security groups whose members may connect."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "database" {
  description = "Name of the database in the cluster."
  type        = string
  default     = "scoring"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database))
    error_message = "The name has small letters, digits and underscores, the first a letter."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the cluster; set it to false and apply before destroy. With it a deleted cluster also leaves a snapshot."
  type        = bool
  default     = true
  nullable    = false
}

variable "engine_version" {
  description = "Version of Aurora PostgreSQL; 11.9 and later call Lambda."
  type        = string
  default     = "16.6"
  nullable    = false

  validation {
    condition     = can(regex("^1[3-9]\\.[0-9]+$", var.engine_version))
    error_message = "The version is one such as 16.6, 13 or later."
  }
}

variable "function_arn" {
  description = "The scorer: output alias_arn of aws-lambda-scorer."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$", var.function_arn))
    error_message = "function_arn is not the ARN of a function. It looks like arn:aws:lambda:eu-central-1:123456789012:function:cooler:live."
  }
}

variable "max_capacity" {
  description = "Most capacity units of Aurora; one has about 2 GB of memory."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.max_capacity >= 1 && var.max_capacity <= 256
    error_message = "The most capacity is from 1 to 256 units."
  }
}

variable "min_capacity" {
  description = "Least capacity units of Aurora."
  type        = number
  default     = 0.5
  nullable    = false

  validation {
    condition     = var.min_capacity >= 0 && var.min_capacity <= 256
    error_message = "The least capacity is from 0 to 256 units."
  }
}

variable "name" {
  description = "Name of the cluster and of what belongs to it."
  type        = string
  default     = "sql-scorer"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,48}$", var.name))
    error_message = "The name has small letters, digits and single hyphens, the first a letter, 49 at most."
  }
}

variable "region" {
  description = "Region of AWS, that of the function."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets in two zones or more, from which Lambda can be reached."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Aurora needs subnets in two zones at least."
  }
}

variable "tags" {
  description = "Further tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "vpc_id" {
  description = "The network of the subnets."
  type        = string
  nullable    = false
}
