"""Batch scoring of CSV, TSV, NDJSON and Parquet files of any size; usable without the command line."""

from scoring_cli.batch.fault import Fault
from scoring_cli.batch.run import Options, Summary, score

__all__ = ["Fault", "Options", "Summary", "score"]
