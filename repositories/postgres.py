"""The one connection pool to PostgreSQL: lazy, small, checked, and safe behind PgBouncer."""

import select
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from schema.errors import DatabaseUnavailableError

Row = DictRow
Connection = psycopg.Connection[DictRow]
Parameters = Mapping[str, object] | Sequence[object] | None

_CONNECT_TIMEOUT_SECONDS = 10
_POOL_TIMEOUT_SECONDS = 15.0
# The pool's pauses between attempts double; it begins anew, at once when next asked, after so long.
_RECONNECT_SECONDS = 5.0
_NOT_READY = (
    errors.UndefinedTable,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
    errors.UndefinedObject,
)


@dataclass(frozen=True)
class PostgresAddress:
    """Where the database is. ``password`` is asked anew for each connection: an Entra token expires.

    PgBouncer refuses start-up options: ``behind_pgbouncer`` they are left out, and the role's own settings
    (``alter role ... set statement_timeout``) have to bound statements. ``read_role`` is whom transactions
    that only read act as, so that they could not write; ``user`` must be its member.
    """

    host: str
    port: int
    database: str
    user: str
    password: Callable[[], str]
    sslmode: str = "require"
    statement_timeout_seconds: float = 60.0
    application_name: str = "geojobs"
    behind_pgbouncer: bool = False
    read_role: str | None = None

    def connection_arguments(self) -> dict[str, Any]:
        timeout_ms = int(self.statement_timeout_seconds * 1000)
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self.password(),
            "sslmode": self.sslmode,
            "application_name": self.application_name,
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "options": "" if self.behind_pgbouncer else _options(timeout_ms),
            "keepalives_idle": 30,
            "tcp_user_timeout": timeout_ms,
            "autocommit": True,
            "prepare_threshold": None,
            "row_factory": dict_row,
        }


def _options(timeout_ms: int) -> str:
    return (
        f"-c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
        f" -c idle_in_transaction_session_timeout={timeout_ms} -c timezone=UTC"
    )


class Database:
    """Runs statements on pooled connections; every driver error leaves as one of ours or as a bug.

    Nothing is opened before the first use. ``close`` ends the pool for good.
    """

    def __init__(self, address: PostgresAddress, max_size: int = 8) -> None:
        self._address = address
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=address.connection_arguments,
            min_size=0,
            max_size=max_size,
            open=False,
            timeout=_POOL_TIMEOUT_SECONDS,
            max_idle=300.0,
            reconnect_timeout=_RECONNECT_SECONDS,
            name="geojobs",
        )
        self._opening = threading.Lock()
        self._opened = False

    @property
    def read_role(self) -> str | None:
        return self._address.read_role

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A connection in autocommit mode; raises ``DatabaseUnavailableError``."""
        self._open_once()
        try:
            connection = self._take()
            try:
                with connection:
                    yield connection
            finally:
                self._pool.putconn(connection)
        except (PoolTimeout, PoolClosed) as exc:
            raise DatabaseUnavailableError("no connection to the database could be had in time") from exc
        except _NOT_READY as exc:
            raise DatabaseUnavailableError("the database's schema is missing or out of date") from exc
        except errors.ProgramLimitExceeded:
            raise  # it asks for what no server gives: another try will not mend it
        except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
            raise DatabaseUnavailableError("the database did not answer as it should") from exc

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A connection within one transaction, rolled back if the block raises."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def fetch_one(self, statement: LiteralString, parameters: Parameters = None) -> Row | None:
        with self.connection() as connection:
            return connection.execute(statement, parameters).fetchone()

    def fetch_all(self, statement: LiteralString, parameters: Parameters = None) -> list[Row]:
        with self.connection() as connection:
            return connection.execute(statement, parameters).fetchall()

    def execute(self, statement: LiteralString, parameters: Parameters = None) -> None:
        with self.connection() as connection:
            connection.execute(statement, parameters)

    def pool_stats(self) -> dict[str, int]:
        """Sizes and waits of the pool, as psycopg_pool counts them."""
        return dict(self._pool.get_stats())

    def close(self) -> None:
        self._pool.close()

    def _take(self) -> Connection:
        """A connection that works, as far as can be told without a round trip; the caller gives it back.

        The pool's own ``check`` is not used: it would pause before each further try, and a server that was
        started anew has hung up on all.
        """
        for _ in range(self._pool.max_size):
            connection = self._pool.getconn()
            if not _is_hung_up(connection):
                return connection
            # closed, or the pool would take it for a good one
            connection.close()
            self._pool.putconn(connection)
        return self._pool.getconn()

    def _open_once(self) -> None:
        if self._opened:
            return
        with self._opening:
            if not self._opened:
                self._pool.open()
                self._opened = True


def _is_hung_up(connection: Connection) -> bool:
    """An idle connection has nothing to say: one that can be read from has been closed or warned."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
