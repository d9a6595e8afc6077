"""Rows of the ``app`` schema as the orchestration sees them, and the values it writes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schema.json_types import JSONObject
from schema.policies import ErrorClass, FailurePolicy, Priority, RetryPolicy
from schema.results import ErrorDetail, StageResultContract
from schema.states import JobStatus, StageStatus, TaskStatus


class Record(BaseModel):
    """Base of the rows: frozen; columns that a reader does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class JobRecord(Record):
    job_id: str
    job_type: str
    parameters: JSONObject
    status: JobStatus
    stage: int
    total_stages: int
    run: int
    result: JSONObject | None = None
    result_ref: str | None = None
    error: ErrorDetail | None = None
    submitted_by: str | None = None
    correlation_id: str
    traceparent: str | None = None
    priority: Priority = Priority.NORMAL
    deadline: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime
    expires_at: datetime | None = None


class StageRecord(Record):
    job_id: str
    run: int
    stage: int
    status: StageStatus
    task_type: str
    expected: int
    completed: int
    failed: int
    retries: int
    round: int = 1
    opened_at: datetime
    closed_at: datetime | None = None
    deadline: datetime | None = None
    result: StageResultContract | None = None
    result_ref: str | None = None


class StageSummary(Record):
    """A stage with the counts of its tasks; ``result`` holds the first 100 task results only.

    ``round_began_at`` is when it was opened or, where it runs again, when it was opened last;
    ``ended_lately`` counts the tasks that ended since then, 0 once the stage has its result. ``resumed_at``
    is when its job was retried last.
    """

    stage: int
    status: StageStatus
    task_type: str
    expected: int
    completed: int
    failed: int
    running: int
    ended_lately: int
    opened_at: datetime
    round_began_at: datetime
    resumed_at: datetime | None = None
    closed_at: datetime | None = None
    result: JSONObject | None = None


class TaskRecord(Record):
    task_id: str
    job_id: str
    run: int
    stage: int
    task_index: str
    position: int
    task_type: str
    status: TaskStatus
    parameters: JSONObject
    parameters_ref: str | None = None
    result: JSONObject | None = None
    result_ref: str | None = None
    error: ErrorDetail | None = None
    attempt: int
    max_attempts: int
    processed_items: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class OutboxKind(StrEnum):
    """Which queue a message goes to: ``job`` wakes the orchestrator, ``task`` a worker."""

    JOB = "job"
    TASK = "task"


class OutboxRecord(Record):
    """One message that must be sent. ``delay_seconds`` is how long it stays invisible, as of the claim."""

    outbox_id: int
    kind: OutboxKind
    job_id: str
    run: int
    stage: int
    task_id: str | None = None
    attempt: int | None = None
    correlation_id: str
    traceparent: str | None = None
    priority: Priority = Priority.NORMAL
    delay_seconds: float = 0.0


@dataclass(frozen=True)
class NewJob:
    job_id: str
    job_type: str
    parameters: JSONObject
    total_stages: int
    correlation_id: str
    traceparent: str | None = None
    submitted_by: str | None = None
    priority: Priority = Priority.NORMAL
    max_parallel_tasks: int | None = None
    timeout: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Submission:
    """``created`` is false where the job was there already; ``outbox`` is to be sent at once."""

    job: JobRecord
    created: bool
    outbox: Sequence[OutboxRecord]


@dataclass(frozen=True)
class NewTask:
    """``parameters_ref`` says where the parameters are if they are too large for a row; ``resource`` names
    what no other task may hold while this one runs; ``task_type`` is that of its stage unless given."""

    task_id: str
    index: str
    parameters: JSONObject
    parameters_ref: str | None = None
    resource: str | None = None
    task_type: str | None = None


@dataclass(frozen=True)
class OpenStage:
    """A stage to be opened with all its tasks; ``tasks`` in the order in which they start."""

    job_id: str
    run: int
    stage: int
    task_type: str
    tasks: Sequence[NewTask]
    max_parallel_tasks: int
    retry: RetryPolicy
    failure: FailurePolicy
    lease: timedelta
    task_timeout: timedelta
    stage_timeout: timedelta


@dataclass(frozen=True)
class FinishJob:
    """``unopened``: only while the run has no stage under way."""

    job_id: str
    run: int
    status: JobStatus
    result: JSONObject | None = None
    error: ErrorDetail | None = None
    result_ref: str | None = None
    unopened: bool = False


@dataclass(frozen=True)
class ReopenStage:
    """Run a stage again: its failed tasks, or all of them where none failed."""

    job_id: str
    run: int
    stage: int


@dataclass(frozen=True)
class StageSettlement:
    """A closing stage's final state, as decided in this ``round`` of it."""

    job_id: str
    run: int
    stage: int
    status: StageStatus
    completed: int
    failed: int
    result: StageResultContract
    result_ref: str | None = None
    round: int = 1


NextStep = OpenStage | FinishJob | ReopenStage


class ClaimOutcome(StrEnum):
    """``final``: it ended already, its stage may need closing. ``skipped``: its stage is ending early.

    ``not_due``: too early, a later message is on its way. ``stale``: not this attempt's to run.
    """

    CLAIMED = "claimed"
    FINAL = "final"
    SKIPPED = "skipped"
    NOT_DUE = "not_due"
    STALE = "stale"
    UNKNOWN = "unknown"


class ClaimedTask(Record):
    task_id: str
    job_id: str
    run: int
    stage: int
    task_index: str
    task_type: str
    parameters: JSONObject
    parameters_ref: str | None = None
    attempt: int
    max_attempts: int
    lease_token: UUID
    lease_seconds: float
    timeout_seconds: float


@dataclass(frozen=True)
class Claim:
    outcome: ClaimOutcome
    task: ClaimedTask | None = None


@dataclass(frozen=True)
class AttemptSucceeded:
    """``result_ref`` says where the result is if it is too large for a row."""

    result: JSONObject | None
    processed_items: int | None = None
    result_ref: str | None = None


@dataclass(frozen=True)
class AttemptFailed:
    """``delay_seconds`` is the least that another attempt waits."""

    error: ErrorDetail
    error_class: ErrorClass
    delay_seconds: float | None = None


AttemptOutcome = AttemptSucceeded | AttemptFailed


class FinishOutcome(StrEnum):
    """``lost``: the lease was not this worker's any more, and nothing was changed."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRYING = "retrying"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True)
class Finish:
    outcome: FinishOutcome
    outbox: Sequence[OutboxRecord]


class LeaseState(StrEnum):
    HELD = "held"
    CANCEL_REQUESTED = "cancel_requested"
    LOST = "lost"


@dataclass(frozen=True)
class Heartbeat:
    task_id: str
    lease_token: UUID
    progress: float | None = None


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be used, as it is put on record. ``body`` is its first 1,000 characters."""

    queue: str
    message_id: str
    body: str
    size: int
    dequeue_count: int
    error_code: str
    error: str
    job_id: str | None = None
    task_id: str | None = None
    correlation_id: str | None = None
    digest: str = ""


class Verdict(StrEnum):
    """What a message in a poison queue meant, told by the state of the job or task that it names.

    ``expected``: that had failed already. ``finished``: it had ended otherwise. ``superseded``: a later
    attempt, stage or run goes on. ``unhandled``: it was waiting or running, and is failed now. ``unknown``:
    it names nothing known.
    """

    EXPECTED = "expected"
    FINISHED = "finished"
    SUPERSEDED = "superseded"
    UNHANDLED = "unhandled"
    UNKNOWN = "unknown"


class DeadLetterRecord(Record):
    """A message on record; ``body`` is its first 1,000 characters, ``size`` its length in bytes."""

    dead_letter_id: int
    queue: str
    message_id: str
    body: str
    size: int
    dequeue_count: int
    error_code: str
    error: str
    job_id: str | None = None
    task_id: str | None = None
    correlation_id: str | None = None
    verdict: Verdict | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    judged_at: datetime | None = None
    replayed_at: datetime | None = None
    disposed_at: datetime | None = None


class ControlOutcome(StrEnum):
    """``refused``: the job's state does not allow it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True)
class Control:
    """What became of a job that was cancelled, retried or run again; ``outbox`` is to be sent at once."""

    outcome: ControlOutcome
    job: JobRecord
    outbox: Sequence[OutboxRecord] = ()


@dataclass(frozen=True)
class SweepReport:
    """What one pass repaired, by kind of repair, and which repairs failed, with the error's name."""

    repairs: dict[str, int]
    errors: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class CleanupReport:
    """What is past its time: ``dry_run`` says that it was only counted. ``more`` says that some was left."""

    jobs: int
    events: int
    dead_letters: int
    sweeps: int
    payloads: int
    dry_run: bool
    more: bool
