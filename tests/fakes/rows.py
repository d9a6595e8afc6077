"""Rows of the ``app`` schema, with the columns that the protocol uses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from schema.callbacks import CallbackForm, CallbackNotify, CallbackState
from schema.json_types import JSONObject
from schema.policies import Priority, RetryPolicy
from schema.records import DeadLetter, OutboxKind, SweepReport, Verdict
from schema.states import FINAL_JOB_STATES, FINAL_TASK_STATES, JobStatus, StageStatus, TaskStatus

StageKey = tuple[str, int, int]


@dataclass(frozen=True)
class JobRow:
    job_id: str
    job_type: str
    parameters: JSONObject
    total_stages: int
    correlation_id: str
    traceparent: str | None
    submitted_by: str | None
    priority: Priority
    max_parallel_tasks: int | None
    timeout: timedelta
    deadline: datetime
    created_at: datetime
    updated_at: datetime
    status: JobStatus = JobStatus.QUEUED
    stage: int = 1
    run: int = 1
    result: JSONObject | None = None
    result_ref: str | None = None
    error: JSONObject | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    nudged_at: datetime | None = None

    @property
    def active(self) -> bool:
        return self.status not in FINAL_JOB_STATES


@dataclass(frozen=True)
class StageRow:
    job_id: str
    run: int
    stage: int
    status: StageStatus
    task_type: str
    expected: int
    max_parallel_tasks: int
    fail_fast: bool
    retry: RetryPolicy
    lease: timedelta
    task_timeout: timedelta
    timeout: timedelta
    opened_at: datetime
    deadline: datetime
    closing_at: datetime | None
    completed: int = 0
    failed: int = 0
    retries: int = 0
    round: int = 1
    ending: bool = False
    resumed_at: datetime | None = None
    closed_at: datetime | None = None
    result: JSONObject | None = None
    result_ref: str | None = None

    @property
    def key(self) -> StageKey:
        return (self.job_id, self.run, self.stage)


@dataclass(frozen=True)
class TaskRow:
    task_id: str
    job_id: str
    run: int
    stage: int
    task_index: str
    position: int
    task_type: str
    status: TaskStatus
    parameters: JSONObject
    max_attempts: int
    not_before: datetime
    parameters_ref: str | None = None
    resource: str | None = None
    attempt: int = 0
    result: JSONObject | None = None
    result_ref: str | None = None
    error: JSONObject | None = None
    nudged_at: datetime | None = None
    lease_token: UUID | None = None
    lease_expires_at: datetime | None = None
    progress: float | None = None
    processed_items: int | None = None
    worker: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def stage_key(self) -> StageKey:
        return (self.job_id, self.run, self.stage)

    @property
    def unfinished(self) -> bool:
        return self.status not in FINAL_TASK_STATES


@dataclass(frozen=True)
class OutboxRow:
    outbox_id: int
    kind: OutboxKind
    job_id: str
    run: int
    stage: int
    correlation_id: str
    traceparent: str | None
    priority: Priority
    available_at: datetime
    claimed_until: datetime | None
    task_id: str | None = None
    attempt: int | None = None


class Event(NamedTuple):
    """One line of the audit trail; ``subject`` names the job, the stage or the task."""

    entity: str
    subject: str
    from_status: str | None
    event: str
    to_status: str


@dataclass(frozen=True)
class CallbackRow:
    callback_id: int
    job_id: str
    run: int
    url: str
    notify: CallbackNotify
    form: CallbackForm
    state: CallbackState
    message_id: UUID
    status: JobStatus
    happened_at: datetime
    due_since: datetime
    error: JSONObject | None
    not_before: datetime
    correlation_id: str
    base_url: str
    wanted: str
    attempt: int = 0
    claimed_until: datetime | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True)
class DeadLetterRow:
    dead_letter_id: int
    letter: DeadLetter
    first_seen_at: datetime
    last_seen_at: datetime
    verdict: Verdict | None = None
    judged_at: datetime | None = None
    replayed_at: datetime | None = None
    disposed_at: datetime | None = None


@dataclass(frozen=True)
class SweepRow:
    """``report`` is there once the pass has ended."""

    started_at: datetime
    report: SweepReport | None = None
