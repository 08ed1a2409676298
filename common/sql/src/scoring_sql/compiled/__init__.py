"""Plain SQL: a scoring pipeline as a query, a view or a function, for databases that take no extension."""

from scoring_sql.compiled.dialect import DIALECTS, Dialect, Limits
from scoring_sql.compiled.statement import FORMS, Compiled, compile_sql

__all__ = ["DIALECTS", "FORMS", "Compiled", "Dialect", "Limits", "compile_sql"]
