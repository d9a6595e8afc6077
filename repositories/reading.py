"""Reading for people and their tools: one short transaction that changes nothing."""

from collections.abc import Generator
from contextlib import contextmanager

from psycopg import errors

from repositories.postgres import Connection, Database
from repositories.statements import load_statements
from schema.errors import DatabaseUnavailableError

_SQL = load_statements("inspection.sql")


@contextmanager
def reading(database: Database) -> Generator[Connection]:
    """A read-only snapshot in which times are UTC and no statement takes longer than 10 s."""
    with database.transaction() as connection:
        connection.execute(_SQL["begin"])
        try:
            yield connection
        except errors.QueryCanceled as exc:
            raise DatabaseUnavailableError("the answer took too long; ask for less of it") from exc
