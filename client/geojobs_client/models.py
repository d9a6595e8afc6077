"""What the API answers, as frozen models.

Fields and states that a newer server adds break nothing: unknown fields are ignored, and an unknown state
stays the text that it is.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

JSONObject: TypeAlias = dict[str, JsonValue]


class JobStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
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


class Entity(StrEnum):
    """What an event is about."""

    JOB = "job"
    STAGE = "stage"
    TASK = "task"


FINAL_JOB_STATES = frozenset(
    {JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS, JobStatus.FAILED, JobStatus.CANCELLED}
)

AnyJobStatus: TypeAlias = Annotated[JobStatus | str, Field(union_mode="left_to_right")]
AnyTaskStatus: TypeAlias = Annotated[TaskStatus | str, Field(union_mode="left_to_right")]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ErrorDetail(Model):
    """Why a job or task failed."""

    code: str
    message: str
    error_class: str | None = None
    stage: int | None = None
    task_id: str | None = None


class Submission(Model):
    """``created`` is false where the same job was there already."""

    job_id: str
    job_type: str
    status: AnyJobStatus
    created: bool
    run: int
    parameters: JSONObject
    links: dict[str, str] = {}


class PlannedStage(Model):
    stage: int
    name: str
    task_type: str
    task_types: tuple[str, ...] = ()
    max_parallel_tasks: int


class TrialProblem(Model):
    """What stopped the trial, and in which stage. ``would_fail`` says whether the job would fail with it;
    ``False`` where it may pass, as on a busy worker: ask for the dry run anew."""

    code: str
    message: str
    stage: int
    would_fail: bool = True


class Trial(Model):
    """How the first stages went when they were tried: so many went well, and the last of those left these
    results. ``problem`` is ``None`` where nothing is in the job's way so far."""

    stages_run: int
    results: tuple[JSONObject, ...] = ()
    problem: TrialProblem | None = None


class DryRun(Model):
    """What a submission would store. ``first_stage_tasks`` is ``None`` where stage 1 would end the job,
    ``trial`` where none of its stages is tried."""

    job_id: str
    job_type: str
    parameters: JSONObject
    stages: tuple[PlannedStage, ...]
    first_stage_tasks: int | None = None
    trial: Trial | None = None


class Stage(Model):
    """A stage of the job's present run; of ``expected`` tasks so many are completed, failed and running."""

    stage: int
    name: str
    status: str
    expected: int
    completed: int
    failed: int
    running: int


class Job(Model):
    """``progress`` is a percentage (0-100). ``stage_results`` shows the first task results of each stage."""

    job_id: str
    job_type: str
    status: AnyJobStatus
    run: int
    stage: int
    total_stages: int
    progress: float
    estimated_seconds_left: float | None = None
    stages: tuple[Stage, ...] = ()
    parameters: JSONObject
    stage_results: dict[str, JSONObject] = {}
    result_data: JSONObject | None = None
    error: ErrorDetail | None = None
    correlation_id: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime
    links: dict[str, str] = {}

    @property
    def is_final(self) -> bool:
        """Whether the job's run has ended, well or not."""
        return self.status in FINAL_JOB_STATES


class JobSummary(Model):
    job_id: str
    job_type: str
    status: AnyJobStatus
    run: int
    stage: int
    total_stages: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime


class JobPage(Model):
    jobs: tuple[JobSummary, ...]
    next_cursor: str | None = None


class Task(Model):
    """One task of one run. ``progress`` is a fraction; what ``truncated`` names was too long for a list."""

    task_id: str
    job_id: str
    run: int
    stage: int
    task_index: str
    task_type: str
    status: AnyTaskStatus
    attempt: int
    max_attempts: int
    progress: float | None = None
    processed_items: int | None = None
    worker: str | None = None
    parameters: JSONObject | None = None
    parameters_ref: str | None = None
    result: JSONObject | None = None
    result_ref: str | None = None
    error: ErrorDetail | None = None
    truncated: dict[str, int] = {}
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    not_before: datetime | None = None
    heartbeat_at: datetime | None = None
    lease_expires_at: datetime | None = None


class TaskPage(Model):
    job_id: str
    tasks: tuple[Task, ...]
    next_cursor: str | None = None


class Event(Model):
    """One transition of a job, stage or task (``entity``)."""

    event_id: int
    at: datetime
    run: int
    stage: int | None = None
    task_id: str | None = None
    attempt: int | None = None
    entity: str
    from_status: str | None = None
    event: str
    to_status: str
    actor: str | None = None
    reason: str | None = None
    correlation_id: str | None = None
    details: JSONObject | None = None


class EventPage(Model):
    """Oldest first; ``complete`` where the job has ended and nothing follows."""

    job_id: str
    events: tuple[Event, ...]
    next_cursor: str | None = None
    complete: bool = False


class Control(Model):
    """A job after it was cancelled, resumed or started anew."""

    job_id: str
    job_type: str
    status: AnyJobStatus
    run: int
    stage: int
    links: dict[str, str] = {}


class StageDescription(Model):
    stage: int
    name: str
    task_type: str
    task_types: tuple[str, ...] = ()
    description: str
    max_parallel_tasks: int


class JobType(Model):
    """What can be submitted; ``parameters_schema`` is a JSON Schema."""

    job_type: str
    description: str
    stages: tuple[StageDescription, ...]
    parameters_schema: JSONObject
    example: JSONObject


class JobTypes(Model):
    job_types: tuple[JobType, ...]


class ComponentHealth(Model):
    state: str
    latency_ms: float
    message: str | None = None
    details: JSONObject = {}


class Health(Model):
    """``status`` is that of the worst component: healthy, degraded or unhealthy."""

    status: str
    checked_at: datetime
    components: dict[str, ComponentHealth]

    @property
    def is_unhealthy(self) -> bool:
        """Whether the app cannot work."""
        return self.status == "unhealthy"


class DeadLetter(Model):
    """A message nobody could use: ``body`` is its beginning, ``size`` its length in bytes."""

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
    verdict: str | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    judged_at: datetime | None = None
    replayed_at: datetime | None = None
    disposed_at: datetime | None = None


class PoisonPage(Model):
    """``queues`` holds the approximate number of messages in each poison queue."""

    queues: dict[str, int]
    dead_letters: tuple[DeadLetter, ...]
    next_cursor: str | None = None


class PoisonProcessed(Model):
    processed: int
    verdicts: dict[str, int]


class PoisonReplayed(Model):
    dead_letter_id: int
    message: JSONObject


class PoisonDisposed(Model):
    dead_letter_id: int
    disposed: bool
