"""Databases by their kind."""

from scoring_sql.beside.address import DUCKDB, POSTGRES, SQLITE, Address
from scoring_sql.beside.source import Source
from scoring_sql.beside.target import Target


def open_source(address: Address) -> Source:
    """Open a database to read from; raises Problem."""
    if address.kind == POSTGRES:
        from scoring_sql.beside.postgres import PostgresSource

        return PostgresSource(address)
    if address.kind == SQLITE:
        from scoring_sql.beside.sqlite import SqliteSource

        return SqliteSource(address)
    if address.kind == DUCKDB:
        from scoring_sql.beside.duck import DuckSource

        return DuckSource(address)
    from scoring_sql.beside.alchemy import AlchemySource

    return AlchemySource(address)


def open_target(address: Address) -> Target:
    """Open a database to write to; raises Problem."""
    if address.kind == POSTGRES:
        from scoring_sql.beside.postgres import PostgresTarget

        return PostgresTarget(address)
    if address.kind == SQLITE:
        from scoring_sql.beside.sqlite import SqliteTarget

        return SqliteTarget(address)
    if address.kind == DUCKDB:
        from scoring_sql.beside.duck import DuckTarget

        return DuckTarget(address)
    from scoring_sql.beside.alchemy import AlchemyTarget

    return AlchemyTarget(address)
