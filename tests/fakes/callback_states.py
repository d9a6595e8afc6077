"""When callbacks become due in memory, as ``app.callback_state_at`` and ``app.notify_callbacks`` have it."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from schema.callbacks import CallbackNotify, CallbackState
from schema.states import FINAL_JOB_STATES, JobStatus
from tests.fakes.rows import JobRow

if TYPE_CHECKING:
    from tests.fakes.database import Tables

_GOOD = (JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS)


def state_at(notify: CallbackNotify, status: JobStatus) -> CallbackState:
    """``app.callback_state_at``."""
    if notify is CallbackNotify.IN_PROGRESS:
        known = {JobStatus.QUEUED: CallbackState.WAITING, JobStatus.PROCESSING: CallbackState.DUE}
        return known.get(status, CallbackState.VOID)
    if status not in FINAL_JOB_STATES:
        return CallbackState.WAITING
    wanted = {CallbackNotify.SUCCESSFUL: status in _GOOD, CallbackNotify.FAILED: status not in _GOOD}
    return CallbackState.DUE if wanted.get(notify, True) else CallbackState.VOID


def notify_callbacks(tables: "Tables", job: JobRow, event: str, now: datetime) -> None:
    """``app.notify_callbacks``."""
    for row in [row for row in tables.callbacks.values() if (row.job_id, row.run) == (job.job_id, job.run)]:
        told = row
        starting = row.notify is CallbackNotify.IN_PROGRESS and row.state is CallbackState.DUE
        if starting and state_at(row.notify, job.status) is CallbackState.VOID:
            told = replace(row, state=CallbackState.VOID)
        if event == "retried" and (
            row.notify is not CallbackNotify.IN_PROGRESS or row.state is CallbackState.VOID
        ):
            told = replace(
                row,
                state=CallbackState.WAITING,
                message_id=uuid4(),
                attempt=0,
                claimed_until=None,
                last_error=None,
                delivered_at=None,
                failed_at=None,
            )
        state = state_at(told.notify, job.status)
        if told.state is CallbackState.WAITING and state is not CallbackState.WAITING:
            told = replace(
                told,
                state=state,
                status=job.status,
                happened_at=job.finished_at or job.updated_at,
                error=job.error,
                not_before=now,
                due_since=now,
            )
        tables.callbacks[row.callback_id] = told
