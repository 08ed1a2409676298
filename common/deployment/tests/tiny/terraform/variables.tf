variable "broken" {
  description = "Makes the apply fail after the first resource."
  type        = bool
  default     = false
}

variable "kept_pipeline_paths" {
  description = "Artifacts of earlier releases."
  type        = list(string)
  default     = []
}

variable "labels" {
  description = "Labels, such as { team = \"pumps\" }."
  type        = map(string)
  default     = {}
}

variable "live" {
  description = "The file that the server of the tests reads."
  type        = string
}

variable "name" {
  description = "Name of the deployment."
  type        = string
}

variable "pause_s" {
  description = "Seconds that the second resource takes."
  type        = number
  default     = 0
}

variable "pipeline_path" {
  description = "The artifact."
  type        = string
}

variable "port" {
  description = "Port of the server of the tests."
  type        = number

  validation {
    condition     = var.port > 0
    error_message = "The port must be above 0."
  }
}

variable "release" {
  description = "The release that answers; null for the newest."
  type        = string
  default     = null
}

variable "signature" {
  description = "A secret."
  type        = string
  default     = "no-signature-given"
  sensitive   = true
}
