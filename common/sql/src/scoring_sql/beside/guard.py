"""The guard: a query is one statement that reads."""

from scoring import Problem

_WRITES = (
    *("Insert", "Update", "Delete", "Merge", "Copy", "TruncateTable", "Into", "Lock"),
    *("Create", "Drop", "Alter", "Attach", "Detach", "Grant"),
    *("Command", "Set", "Pragma", "Use", "Kill", "Transaction", "Commit", "Rollback"),
)
"""What sqlglot calls that which does more than read; not every version knows all of them."""


def read_only(query: str, dialect: str) -> str:
    """Return a query without what ends it; raises Problem if it is not one statement that only reads.

    This finds mistakes before a row is read. What keeps the source as it is whatever the query calls is the
    read-only transaction that it runs in.
    """
    import sqlglot
    from sqlglot import exp

    try:
        statements = [one for one in sqlglot.parse(query, read=dialect) if one is not None]
    except sqlglot.errors.SqlglotError as error:
        where = str(error).splitlines()[0]
        raise Problem(
            "query_refused",
            422,
            f"The query cannot be read: {where}",
            "Mend it, or put it into a view and select from that.",
        ) from None
    if len(statements) != 1:
        raise Problem(
            "query_refused",
            422,
            f"The query is {len(statements)} statements, but must be one.",
            "Give one SELECT, without a semicolon in the middle.",
        )
    writes = tuple(getattr(exp, name) for name in _WRITES if hasattr(exp, name))
    found = next((node for node in statements[0].walk() if isinstance(node, writes)), None)
    if found is not None or not isinstance(statements[0], exp.Query | exp.Values):
        what = type(found or statements[0]).__name__.upper()
        raise Problem(
            "query_refused",
            422,
            f"The query does more than read: it has {what}.",
            "Give a SELECT; scores are written to the table of --into.",
        )
    return query.strip().rstrip(";").rstrip()
