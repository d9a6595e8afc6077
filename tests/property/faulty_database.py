"""A real database at whose calls a process may die."""

from collections.abc import Iterator
from contextlib import contextmanager

from repositories.postgres import Connection, Database
from tests.fakes.faults import Faults, Moment


class FaultyDatabase(Database):
    """Lends another database's connections.

    What dies at its commit has not begun here: the server could not tell the difference.
    """

    def __init__(self, database: Database, faults: Faults) -> None:
        self._lender = database
        self._faults = faults

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        self._faults.reach(Moment.BEGIN)
        self._faults.reach(Moment.COMMIT)
        with self._lender.connection() as connection:
            yield connection
        self._faults.reach(Moment.COMMITTED)
