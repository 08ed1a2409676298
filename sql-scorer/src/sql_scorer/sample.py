"""The sample: a view that scores the artifact's own example, so that everybody can see that it works."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg import sql
from scoring import contract
from scoring.instant import seconds
from scoring.schema import BOOL, STR, TIME64, Field, number
from scoring.scorer import Scorer

from sql_scorer.place import Place

_TYPES: Final = {BOOL: "boolean", STR: "text", TIME64: "timestamp"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def sample_view(scorer: Scorer, place: Place) -> sql.Composed:
    """Write the statement that makes the view `sample`: the outputs for the rows of the sample request."""
    rows = json.loads(contract.sample_request(scorer))["rows"]
    listed = [
        sql.SQL("({})").format(sql.SQL(", ").join(map(_literal, scorer.schema.inputs, row))) for row in rows
    ]
    columns = [sql.Identifier("t", f"c{number}") for number in range(len(scorer.schema))]
    names = [sql.Identifier(f"c{number}") for number in range(len(scorer.schema))]
    return sql.SQL(
        "CREATE VIEW {view} AS SELECT s.* FROM (VALUES {rows}) AS t ({names}) "
        "CROSS JOIN LATERAL {score}({columns}) AS s"
    ).format(
        view=place.of("sample"),
        rows=sql.SQL(", ").join(listed),
        names=sql.SQL(", ").join(names),
        score=place.of("score"),
        columns=sql.SQL(", ").join(columns),
    )


def argument_type(field: Field) -> str:
    """Return the type of the argument that takes a field."""
    return _TYPES.get(field.type, "double precision")


def _literal(field: Field, cell: str) -> sql.Composed:
    """Write a cell of a request as a constant of the function's argument."""
    kind = sql.SQL(argument_type(field))
    return sql.SQL("{}::{}").format(sql.Literal(_text(field, cell)), kind)


def _text(field: Field, cell: str) -> str | None:
    plain = cell.strip()
    if plain in {token.strip() for token in field.missing}:
        return None
    if field.type == STR:
        return cell
    if field.type == TIME64:
        after = seconds(plain)
        return None if after is None else (_EPOCH + timedelta(seconds=after)).replace(tzinfo=None).isoformat()
    value = number(plain)
    if value is None:
        return None
    return ("true" if value else "false") if field.type == BOOL else repr(value)
