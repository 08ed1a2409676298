"""A stand-in for Google's Terraform provider: its real schema, served to Terraform, with nothing behind."""
