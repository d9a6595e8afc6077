"""The states of jobs, stages and tasks, with the one table of the transitions between them.

The database enforces the same table (``schema/sql/migrations``); a test compares the two.
"""

from enum import StrEnum
from typing import NamedTuple


class JobStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StageStatus(StrEnum):
    OPEN = "open"
    CLOSING = "closing"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskStatus(StrEnum):
    """``pending`` is planned but held back by its stage's limit on parallel tasks."""

    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


FINAL_JOB_STATES = frozenset(
    {JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS, JobStatus.FAILED, JobStatus.CANCELLED}
)
FINAL_TASK_STATES = frozenset(
    {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED}
)


class Transition(NamedTuple):
    """One allowed move of one kind of thing (``job``, ``stage`` or ``task``)."""

    entity: str
    from_status: str
    event: str
    to_status: str


def _rows(entity: str, *moves: tuple[str, str, str]) -> tuple[Transition, ...]:
    return tuple(Transition(entity, *move) for move in moves)


TRANSITIONS: tuple[Transition, ...] = (
    *_rows(
        "job",
        ("queued", "started", "processing"),
        ("queued", "completed", "completed"),
        ("queued", "failed", "failed"),
        ("queued", "cancelled", "cancelled"),
        ("processing", "completed", "completed"),
        ("processing", "completed", "completed_with_errors"),
        ("processing", "failed", "failed"),
        ("processing", "cancelled", "cancelled"),
        ("failed", "retried", "processing"),
        ("cancelled", "retried", "processing"),
        ("failed", "retried", "queued"),
        ("cancelled", "retried", "queued"),
        ("completed", "rerun", "queued"),
        ("completed_with_errors", "rerun", "queued"),
        ("failed", "rerun", "queued"),
        ("cancelled", "rerun", "queued"),
    ),
    *_rows(
        "stage",
        ("open", "last_task_finished", "closing"),
        ("open", "failed", "failed"),
        ("open", "cancelled", "cancelled"),
        ("closing", "settled", "completed"),
        ("closing", "settled", "completed_with_errors"),
        ("closing", "settled", "failed"),
        ("closing", "retried", "open"),
        ("closing", "failed", "failed"),
        ("closing", "cancelled", "cancelled"),
        ("completed", "retried", "closing"),
        ("completed_with_errors", "retried", "closing"),
        ("completed_with_errors", "retried", "open"),
        ("failed", "retried", "closing"),
        ("cancelled", "retried", "closing"),
        ("failed", "retried", "open"),
        ("cancelled", "retried", "open"),
    ),
    *_rows(
        "task",
        ("pending", "released", "queued"),
        ("pending", "failed", "failed"),
        ("pending", "skipped", "skipped"),
        ("pending", "cancelled", "cancelled"),
        ("queued", "claimed", "processing"),
        ("queued", "failed", "failed"),
        ("queued", "skipped", "skipped"),
        ("queued", "cancelled", "cancelled"),
        ("processing", "completed", "completed"),
        ("processing", "failed", "failed"),
        ("processing", "attempt_failed", "queued"),
        ("processing", "lease_expired", "queued"),
        ("processing", "cancelled", "cancelled"),
        ("completed", "stage_retried", "queued"),
        ("completed", "stage_retried", "pending"),
        ("failed", "stage_retried", "queued"),
        ("failed", "stage_retried", "pending"),
        ("skipped", "stage_retried", "queued"),
        ("skipped", "stage_retried", "pending"),
        ("cancelled", "stage_retried", "queued"),
        ("cancelled", "stage_retried", "pending"),
    ),
)


def is_allowed(entity: str, from_status: str, event: str, to_status: str) -> bool:
    """Whether the table has this transition."""
    return Transition(entity, from_status, event, to_status) in _ALLOWED


_ALLOWED = frozenset(TRANSITIONS)
