# Kept in triggers_replace because a plan shows it as sensitive, always: `input` has a copy in `output`, which
# the plan of a destroy prints. To change the key: terraform apply -replace='terraform_data.api_key[0]'
resource "terraform_data" "api_key" {
  count = var.api_key_enabled ? 1 : 0

  triggers_replace = sensitive(uuid())

  lifecycle {
    ignore_changes = [triggers_replace]
  }
}
