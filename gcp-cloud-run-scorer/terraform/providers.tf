# Credentials are those of `gcloud auth application-default login`; none is ever a variable.
provider "google" {
  project = var.project
  region  = var.region
}
