"""What a database refuses, as problems: what, where and what to do, without a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from scoring import Problem

from scoring_sql.beside.address import Address

_BY_STATE: Final = {
    "42501": ("permission_denied", 403, "Ask its owner for a GRANT, or name another table with --into."),
    "42P01": ("missing_table", 422, "Check the name; a table of another schema is written schema.table."),
    "3F000": ("missing_table", 422, "Create the schema first."),
    "42703": ("missing_field", 422, "Check the names of the query's columns."),
    "42601": ("query_refused", 422, "Mend the query."),
    "25006": ("query_refused", 422, "The query is run read only; leave out what writes, functions too."),
    "53100": ("disk_full", 507, "Make room. What is committed stays; run the same command with --resume."),
    "53200": ("database_failed", 503, "The server ran out of memory; run the same command with --resume."),
    "57014": ("database_failed", 503, "It was cancelled; run the same command with --resume."),
    "23505": ("duplicate_key", 409, "The rows are there already: use --mode upsert, or --mode overwrite."),
    "28P01": ("not_authenticated", 401, "Check ~/.pgpass and the user of the connection service."),
    "28000": ("not_authenticated", 401, "Check the user, and the server's pg_hba.conf."),
    "3D000": ("no_database", 422, "Check the name of the database."),
}
_BY_TEXT: Final = {
    "read-only transaction": "25006",
    "read only transaction": "25006",
    "permission denied": "42501",
    "access denied": "28000",
    "command denied": "42501",
    "readonly database": "42501",
    "read-only mode": "42501",
    "no such table": "42P01",
    "doesn't exist": "42P01",
    "does not exist": "42P01",
    "is full": "53100",
    "disk full": "53100",
    "no space left": "53100",
    "definition of service": "3D000",
    "no such column": "42703",
    "unique constraint": "23505",
    "duplicate": "23505",
    "password": "28P01",
}
"""What drivers without states say."""

_LOST: Final = (
    "connection",
    "server closed",
    "terminating",
    "could not connect",
    "gone away",
    "lost",
    "shutting down",
)


@contextmanager
def told(address: Address, doing: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn a database's errors into problems; `doing` is what was tried, such as "read the query"."""
    try:
        yield
    except kinds as error:
        raise problem(address, doing, error) from None


def problem(address: Address, doing: str, error: Exception) -> Problem:
    """Make the problem of a database's error."""
    text = " ".join(address.clean(str(getattr(error, "orig", None) or error)).split())
    state = str(getattr(error, "sqlstate", None) or "")
    lower = text.lower()
    if state not in _BY_STATE:
        state = next((known for words, known in _BY_TEXT.items() if words in lower), state)
    detail = f"{address.label}: cannot {doing}: {text[:600]}"
    if state in _BY_STATE:
        code, status, hint = _BY_STATE[state]
        return Problem(code, status, detail, hint)
    if state.startswith(("08", "57P")) or any(word in lower for word in _LOST):
        hint = "Check that the server runs; what is committed stays, run the same command with --resume."
        return Problem("database_lost", 503, detail, hint)
    return Problem("database_failed", 502, detail, "Mend what the message names, and run the command again.")
