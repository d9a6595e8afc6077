"""Repairs what dead processes and lost messages leave behind, then sends what that gave rise to."""

import logging

from interfaces.repositories import SweepRepository
from orchestration.relay import OutboxRelay
from schema.records import SweepReport

_log = logging.getLogger(__name__)


class Sweeper:
    """One pass at a time is enough; two at once do no harm, as every repair is a compare-and-set."""

    def __init__(self, sweeps: SweepRepository, relay: OutboxRelay, limit: int = 1_000) -> None:
        self._sweeps = sweeps
        self._relay = relay
        self._limit = limit

    def __call__(self) -> SweepReport:
        report = self._sweeps.sweep(self._limit)
        if report.errors:
            _log.error("sweep was not whole", extra={"errors": report.errors})
        if any(report.repairs.values()):
            _log.warning("sweep repaired", extra={"repairs": report.repairs})
        self._relay.drain()
        return report
