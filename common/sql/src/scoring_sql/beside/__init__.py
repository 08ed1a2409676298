"""Scoring next to a database: rows of a query in, their scores in a table."""

from scoring_sql.beside.address import Address, parse
from scoring_sql.beside.job import MODES, Job, Name
from scoring_sql.beside.run import Summary, preview, score

__all__ = ["MODES", "Address", "Job", "Name", "Summary", "parse", "preview", "score"]
