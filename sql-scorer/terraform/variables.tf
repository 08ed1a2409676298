variable "form" {
  description = "How the functions are made: plain (PL/pgSQL, works on every PostgreSQL), extension (the engine, where the server has the extension scoring), or plpython (the engine in the server's Python; superusers only)."
  type        = string
  default     = "plain"
  nullable    = false

  validation {
    condition     = contains(["extension", "plain", "plpython"], var.form)
    error_message = "The form is plain, extension or plpython."
  }
}

variable "name" {
  description = "Name of the deployment."
  type        = string
  default     = "sql-scorer"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.name))
    error_message = "The name has small letters, digits and hyphens, the first a letter, 63 at most."
  }
}

variable "pipeline_path" {
  description = "The artifact to install, *.pipeline."
  type        = string
  nullable    = false
}

variable "roles" {
  description = "Roles of the database that may score, such as [\"analysts\"]; [\"PUBLIC\"] for all. The one that installs always may."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.roles : can(regex("^[^,\\n]{1,63}$", role)) && trimspace(role) == role])
    error_message = "Roles have 63 characters at most, no comma, no line end and no blank around them."
  }
}

variable "schema" {
  description = "Schema that the functions get, made for them and nothing else; null for the name, with underscores."
  type        = string
  default     = null

  validation {
    condition     = var.schema == null || can(regex("^[a-z_][a-z0-9_]{0,62}$", var.schema))
    error_message = "The schema has small letters, digits and underscores, the first no digit, 63 at most."
  }

  validation {
    condition     = var.schema == null || !can(regex("^(pg_.*|public|information_schema)$", var.schema))
    error_message = "The schema is the deployment's own, none of the database's."
  }
}

variable "service" {
  description = "Connection service of the database: a section of pg_service.conf. Its password belongs into ~/.pgpass."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,100}$", var.service))
    error_message = "The service has letters, digits, dots, underscores and hyphens."
  }
}

variable "service_file" {
  description = "File with the connection services; null for ~/.pg_service.conf, or what PGSERVICEFILE says."
  type        = string
  default     = null

  validation {
    condition     = var.service_file == null || can(regex("^[^'\\n]+$", var.service_file))
    error_message = "The path has neither apostrophes nor line ends."
  }
}

variable "tags" {
  description = "Words about the deployment, which the remark on its schema shows."
  type        = map(string)
  default     = {}
  nullable    = false
}
