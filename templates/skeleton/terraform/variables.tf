variable "name" {
  description = "Name of the deployment, and of its directory below build/running."
  type        = string
  default     = "skeleton-scorer"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.name))
    error_message = "The name has small letters, digits and hyphens, the first a letter, 63 at most."
  }
}

variable "pipeline_path" {
  description = "The artifact to serve, *.pipeline."
  type        = string
  nullable    = false
}

variable "port" {
  description = "Port of this host to listen on."
  type        = number
  default     = 8080
  nullable    = false

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port is a whole number from 1 to 65535."
  }
}

variable "python" {
  description = "The Python that runs the server. Null takes the one that made the package, which is for its version."
  type        = string
  default     = null
}

variable "tags" {
  description = "Words about the deployment that its metrics show."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.tags : can(regex("^[a-z][a-z0-9_]*$", name)) && can(regex("^[^\\n\"\\\\]*$", value))])
    error_message = "Names of tags have small letters, digits and underscores; values have no quotes, backslashes and line ends."
  }
}
