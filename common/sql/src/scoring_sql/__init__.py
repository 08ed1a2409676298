"""Scoring in SQL: inside the database, next to it, and as plain SQL."""
