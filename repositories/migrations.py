"""Installs, upgrades and drops the ``app`` schema from the numbered files of ``schema/sql``."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, cast

from psycopg import sql
from psycopg.errors import DeadlockDetected

from repositories.postgres import Connection, Database
from repositories.statements import load_statements
from schema.errors import ConfigurationError, DatabaseUnavailableError

_log = logging.getLogger(__name__)

_SQL = load_statements("migrations.sql")
_SOURCE = Path(__file__).parent.parent / "schema" / "sql"
_DEADLOCKS = 5


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


class SchemaRepository:
    """One transaction for each call, and one caller at a time: an advisory lock keeps others waiting."""

    def __init__(self, database: Database, source: Path = _SOURCE) -> None:
        self._database = database
        self._source = source

    def migrations(self) -> list[Migration]:
        """All there are, in order; the number is the file name's first four digits."""
        files = sorted((self._source / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
        return [Migration(int(file.name[:4]), file.stem, file.read_text("utf-8")) for file in files]

    def version(self) -> int | None:
        """The newest applied migration, or ``None`` without a schema."""
        row = self._database.fetch_one(_SQL["has_schema"])
        if row is None or not row["present"]:
            return None
        newest = self._database.fetch_one(_SQL["newest_migration"])
        return None if newest is None else newest["version"]

    def newest(self) -> int:
        """The newest migration that the app brings."""
        return self.migrations()[-1].version

    def migrate(self) -> Sequence[str]:
        """Apply what is pending, then all functions anew; returns the names of what was applied."""
        return self._in_transaction(self._apply)

    def redeploy(self) -> Sequence[str]:
        """Drop the schema with all its data and build it again, in one transaction."""
        return self._in_transaction(lambda connection: [*self._drop(connection), *self._apply(connection)])

    def drop(self) -> Sequence[str]:
        """Drop the schema with all its data."""
        return self._in_transaction(self._drop)

    def _in_transaction(self, work: Callable[[Connection], Sequence[str]]) -> Sequence[str]:
        """Do the work; again, a few times, where it and running jobs wait for each other's locks."""
        for _ in range(_DEADLOCKS):
            try:
                with self._database.transaction() as connection:
                    return work(connection)
            except DatabaseUnavailableError as exc:
                if not isinstance(exc.__cause__, DeadlockDetected):
                    raise
                _log.info("schema change met a deadlock and starts again")
        with self._database.transaction() as connection:
            return work(connection)

    def _drop(self, connection: Connection) -> list[str]:
        connection.execute(_SQL["lock"])
        connection.execute(_SQL["drop_schema"])
        return ["dropped schema app"]

    def _apply(self, connection: Connection) -> list[str]:
        connection.execute(_SQL["lock"])
        applied = self._applied_versions(connection)
        done: list[str] = []
        for migration in self.migrations():
            if migration.version in applied:
                _refuse_edited(migration, applied[migration.version])
                continue
            connection.execute(_own_sql(migration.sql))
            connection.execute(
                _SQL["record_migration"],
                {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
            )
            done.append(f"applied {migration.name}")
        connection.execute(_SQL["allow_any_order"])
        for file in sorted((self._source / "functions").glob("*.sql")):
            connection.execute(_own_sql(file.read_text("utf-8")))
        connection.execute(_own_sql((self._source / "triggers.sql").read_text("utf-8")))
        done.append("replaced functions")
        if role := self._database.read_role:
            done.extend(_let_read(connection, role))
        return done

    def _applied_versions(self, connection: Connection) -> dict[int, str]:
        """Checksums by version."""
        present = connection.execute(_SQL["has_schema"]).fetchone()
        if present is None or not present["present"]:
            return {}
        return {row["version"]: row["checksum"] for row in connection.execute(_SQL["applied_migrations"])}


def _let_read(connection: Connection, role: str) -> list[str]:
    """Raises ``DatabaseUnavailableError`` without the role: the app has no right to make one."""
    found = connection.execute(_SQL["may_read"], {"role": role}).fetchone()
    if found is None:
        raise DatabaseUnavailableError(
            "the database has no role of the name in POSTGRES_READ_ROLE: an administrator has to make it"
        )
    if found["everything"]:
        return []
    connection.execute(sql.SQL(_SQL["let_read"]).format(role=sql.Identifier(role)))
    return [f"let {role} read"]


def _refuse_edited(migration: Migration, checksum: str) -> None:
    """Raises ``ConfigurationError`` where the file is not the one that was applied."""
    if migration.checksum != checksum:
        raise ConfigurationError(
            f"migration {migration.name} was edited after it was applied to this database; "
            "put the change into a migration of its own, or redeploy the schema"
        )


def _own_sql(text: str) -> LiteralString:
    """The project's own file: as literal as if it stood here."""
    return cast("LiteralString", text)
