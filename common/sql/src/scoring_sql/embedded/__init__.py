"""Scoring inside DuckDB: a scorer becomes functions of a connection."""

from scoring_sql.embedded.registration import register, unregister

__all__ = ["register", "unregister"]
