"""Counts what this process asks of PostgreSQL: each wait for the server is one round trip."""

import itertools
from typing import Any

import psycopg


class RoundTrips:
    def __init__(self) -> None:
        self._ticks = itertools.count()
        self._reads = 0

    def tick(self) -> None:
        next(self._ticks)

    @property
    def count(self) -> int:
        """Round trips so far; reading takes a tick of its own, which is subtracted."""
        self._reads += 1
        return next(self._ticks) - self._reads + 1


def count_round_trips() -> RoundTrips:
    """Count from now on, in all connections (``BEGIN`` and ``COMMIT`` count like any statement).

    The pool commits each connection it takes back; outside a transaction that asks the server nothing.
    """
    trips = RoundTrips()
    wait = psycopg.Connection.wait

    def counted(self: psycopg.Connection[Any], asked: Any, *args: Any, **kwargs: Any) -> Any:
        idle = self.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if not (idle and asked.__name__ == "_commit_gen"):
            trips.tick()
        return wait(self, asked, *args, **kwargs)

    psycopg.Connection.wait = counted  # pyright: ignore[reportAttributeAccessIssue] -- measured, not used
    return trips
