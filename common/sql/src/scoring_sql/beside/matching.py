"""Matching: the columns that a query gives with those that a job needs."""

from typing import Any

from scoring import Problem, Scorer
from scoring.schema import listed
from scoring.spelling import nearest

from scoring_sql.beside.guard import read_only
from scoring_sql.beside.job import Job
from scoring_sql.beside.source import Source, Wanted
from scoring_sql.cells import FieldColumn


def matched(scorer: Scorer, job: Job, source: Source) -> tuple[str, Wanted]:
    """Find the columns of the query; raises Problem that names all that are not there."""
    query = read_only(job.query, source.dialect)
    there = source.columns(query)
    twice = [name for name in there if there.count(name) > 1]
    errors: list[dict[str, Any]] = []

    def find(name: str) -> str:
        if name in there:
            return name
        alike = [other for other in there if other.casefold() == name.casefold()]
        if len(alike) == 1:  # databases fold names that are not quoted
            return alike[0]
        close = nearest(name, there)
        hint = f"Did you mean {close!r}? Rename it in the query: ... AS {name!r}." if close else ""
        errors.append(
            {"code": "missing_field", "field": name, "detail": f"There is no column {name!r}.", "hint": hint}
        )
        return name

    keys, include = tuple(map(find, job.keys)), tuple(map(find, job.include))
    inputs = tuple(map(find, scorer.schema.names))
    if errors:
        missing = listed([error["field"] for error in errors])
        first = next((error["hint"] for error in errors if error["hint"]), "")
        hint = first or f"The query gives {listed(there, 20)}."
        raise Problem("missing_field", 422, f"The query does not give {missing}.", hint, errors)
    used = {*keys, *include, *inputs}
    for name in twice:
        if name in used:
            detail = f"The query gives two columns named {name!r}."
            raise Problem("duplicate_field", 422, detail, "Rename one of them.")
    plain = {name for name, field in zip(inputs, scorer.schema, strict=True) if FieldColumn(field).plain}
    return query, Wanted(keys, include, inputs, frozenset(plain))
