"""The `scoring` command."""
