variable "api_key_enabled" {
  description = "Make an API key and ask callers for it. Without one, everybody who reaches the port may score."
  type        = bool
  default     = true
  nullable    = false
}

variable "environment" {
  description = "Further settings of the server by their environment variables, such as { SCORER_MAX_ROWS = \"1000\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^(SCORER_[A-Z_]+|MODEL_ID|SHAPLEY_TYPES_ENABLED)$", name))])
    error_message = "Only SCORER_..., MODEL_ID and SHAPLEY_TYPES_ENABLED can be set here; the rest has variables of its own."
  }
}

variable "host" {
  description = "Address to listen on: 127.0.0.1 for this host alone, 0.0.0.0 for all that can reach it."
  type        = string
  default     = "127.0.0.1"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9.:-]+$", var.host))
    error_message = "The host is an IP address or a host name."
  }
}

variable "name" {
  description = "Name of the deployment, and of its directory below state_dir."
  type        = string
  default     = "local-rest-scorer"
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
  description = "Port to listen on."
  type        = number
  default     = 9090
  nullable    = false

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port is a whole number from 1 to 65535."
  }
}

variable "ready_seconds" {
  description = "How long the server may take until it is ready."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.ready_seconds >= 1 && var.ready_seconds <= 3600
    error_message = "The time is from 1 to 3600 seconds."
  }
}

variable "state_dir" {
  description = "Directory for what servers need while they run: the artifact, the log, digests of keys. Each has a directory of its name there."
  type        = string
  default     = "~/.local/state/local-rest-scorer"
  nullable    = false
}

variable "tags" {
  description = "Words about the deployment that its status shows."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for word in concat(keys(var.tags), values(var.tags)) : can(regex("^[^\\n=]*$", word))])
    error_message = "Tags have neither line ends nor equals signs."
  }
}

variable "tls_certificate_path" {
  description = "PEM file with the certificate for HTTPS, and those that vouch for it."
  type        = string
  default     = null
}

variable "tls_client_ca_path" {
  description = "PEM file with an authority: clients must then show a certificate of it."
  type        = string
  default     = null
}

variable "tls_key_path" {
  description = "PEM file with the certificate's key. It is read by the server alone."
  type        = string
  default     = null
}

variable "workers" {
  description = "Processes that answer; 0 for one a processor."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.workers >= 0 && var.workers <= 1024 && floor(var.workers) == var.workers
    error_message = "The number of workers is a whole one from 0 to 1024."
  }
}
