"""Deployments: package, plan, apply, smoke test, list, roll back and destroy."""
