"""Reading for people and their tools: one short transaction that changes nothing."""

from collections.abc import Generator
from contextlib import contextmanager

from psycopg import errors, sql

from repositories.postgres import Connection, Database
from repositories.statements import load_statements
from schema.errors import DatabaseUnavailableError

_SQL = load_statements("reading.sql")


@contextmanager
def reading(database: Database, *, lowered: bool = True) -> Generator[Connection]:
    """A read-only snapshot in which times are UTC and no statement takes longer than 10 s.

    Where the settings name a role for it, the transaction acts as that one and has its rights only; not
    ``lowered``, it keeps the app's own.
    """
    with database.transaction() as connection:
        _begin(connection, database.read_role if lowered else None)
        try:
            yield connection
        except errors.QueryCanceled as exc:
            raise DatabaseUnavailableError("the answer took too long; ask for less of it") from exc
        except errors.InsufficientPrivilege as exc:
            raise DatabaseUnavailableError(
                "the role that may only read (POSTGRES_READ_ROLE) has no right to this; "
                "migrating gives it what it needs"
            ) from exc


def _begin(connection: Connection, role: str | None) -> None:
    """One round trip, with a role or without."""
    statement = sql.SQL(_SQL["begin"])
    if role is None:
        connection.execute(statement)
        return
    act_as = sql.SQL(_SQL["act_as"]).format(role=sql.Identifier(role))
    try:
        connection.execute(statement + act_as)
    except (errors.InvalidParameterValue, errors.InsufficientPrivilege) as exc:
        raise DatabaseUnavailableError(
            "the database refuses the role that may only read (POSTGRES_READ_ROLE): "
            "it must be there, and the app's own role (POSTGRES_USER) a member of it"
        ) from exc
