# Everything here is Terraform's built-in terraform_data: there is no provider to configure.
