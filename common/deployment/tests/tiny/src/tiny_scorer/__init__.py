"""A template for tests."""
