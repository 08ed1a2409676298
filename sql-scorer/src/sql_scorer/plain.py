"""The plain form: the trees as PL/pgSQL, for databases that take no extension."""

from scoring.scorer import Scorer
from scoring_sql.compiled import compile_sql

from sql_scorer.function import put
from sql_scorer.place import Connection, Place


def install(connection: Connection, place: Place, scorer: Scorer) -> None:
    """Make function and view.

    Raises:
        Problem: the artifact has no form in SQL or is too large for it.
        psycopg.Error: whatever the database says.
    """
    put(
        connection,
        place,
        scorer,
        compile_sql(scorer, "postgres", "function", name=f"{place.schema}.score").sql,
    )


def forget(_connection: Connection, _place: Place) -> None:
    """Remove what this form has beside function and view: nothing."""
