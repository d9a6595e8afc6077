"""Reads the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schema.trail import Entity, EventRecord


@dataclass(frozen=True)
class EventFilter:
    """``after`` is the id of the last event that is known already."""

    job_id: str
    limit: int
    after: int = 0
    run: int | None = None
    entity: Entity | None = None


@dataclass(frozen=True)
class Trail:
    """``ended``: the job has ended and none of its tasks is unfinished, so that no event is to come."""

    events: Sequence[EventRecord]
    ended: bool


class TrailRepository(Protocol):
    """Raises ``DatabaseUnavailableError``."""

    def events(self, wanted: EventFilter) -> Trail | None:
        """Oldest first; ``None`` for an unknown job."""
        ...
