"""What the HTTP API answers, apart from errors."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from schema.json_types import JSONObject
from schema.records import DeadLetterRecord
from schema.results import ErrorDetail
from schema.states import JobStatus, StageStatus, TaskStatus

API_PREFIX = "/api"
"""Where the platform serves the routes: its default, which host.json leaves as it is."""


class ApiModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class SubmissionView(ApiModel):
    """``created`` is false where the same job was there already."""

    job_id: str
    job_type: str
    status: JobStatus
    created: bool
    run: int
    parameters: JSONObject
    links: dict[str, str]


class PlannedStageView(ApiModel):
    """``task_types`` are all that its tasks may be of, ``task_type`` the first of them."""

    stage: int
    name: str
    task_type: str
    task_types: list[str]
    max_parallel_tasks: int


class TrialProblem(ApiModel):
    """What stopped the trial, and in which stage. ``would_fail`` says whether the job would fail with it;
    ``false`` where it may pass, as on a busy worker: a job tries again, a dry run is asked for anew."""

    code: str
    message: str
    stage: int
    would_fail: bool = True


class TrialView(ApiModel):
    """How the first stages went when they were tried: so many of them went well, and the last of those left
    these results, the first 100 of them. ``problem`` is ``None`` where nothing is in the job's way so far."""

    stages_run: int
    results: list[JSONObject]
    problem: TrialProblem | None = None


class DryRunView(ApiModel):
    """What a submission would store, without storing it. ``first_stage_tasks`` is ``None`` where stage 1
    would end the job at once, ``trial`` where none of the job's stages is tried."""

    job_id: str
    job_type: str
    parameters: JSONObject
    stages: list[PlannedStageView]
    first_stage_tasks: int | None
    trial: TrialView | None = None


class StageView(ApiModel):
    stage: int
    name: str
    status: StageStatus
    expected: int
    completed: int
    failed: int
    running: int
    opened_at: datetime
    closed_at: datetime | None = None


class JobView(ApiModel):
    """``progress`` is a percentage (0-100). ``stage_results`` shows the first 100 task results of a stage.
    ``result_data`` is null where the result is too large for it; the link ``result`` has every one."""

    job_id: str
    job_type: str
    status: JobStatus
    run: int
    stage: int
    total_stages: int
    progress: float
    estimated_seconds_left: float | None = Field(
        None,
        description="how long the job still takes at the pace so far; null while nothing tells, and once it "
        "has ended",
    )
    stages: list[StageView]
    parameters: JSONObject
    stage_results: dict[str, JSONObject]
    result_data: JSONObject | None = None
    error: ErrorDetail | None = None
    correlation_id: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime
    links: dict[str, str]


class JobListItem(ApiModel):
    job_id: str
    job_type: str
    status: JobStatus
    run: int
    stage: int
    total_stages: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime


class JobList(ApiModel):
    """Newest first; ``next_cursor`` continues behind the last one and is ``None`` on the last page."""

    jobs: list[JobListItem]
    next_cursor: str | None = None


class StageDescription(ApiModel):
    """``task_types`` are all that its tasks may be of, ``task_type`` the first of them."""

    stage: int
    name: str
    task_type: str
    task_types: list[str]
    description: str
    max_parallel_tasks: int


class JobTypeView(ApiModel):
    job_type: str
    description: str
    stages: list[StageDescription]
    parameters_schema: JSONObject
    example: JSONObject


class JobTypeList(ApiModel):
    job_types: list[JobTypeView]


class JobsQueryInfo(ApiModel):
    """``total_found`` counts no further than 10,000; ``total_is_capped`` where it stopped there."""

    limit: int
    hours_back: int
    status_filter: JobStatus | None
    job_type_filter: str | None
    total_found: int
    total_is_capped: bool
    execution_time_ms: float


class JobRows(ApiModel):
    jobs: Sequence[JSONObject]
    query_info: JobsQueryInfo


class TasksQueryInfo(ApiModel):
    """As ``JobsQueryInfo``, of tasks."""

    limit: int
    hours_back: int
    status_filter: TaskStatus | None
    stage_filter: int | None
    task_type_filter: str | None
    total_found: int
    total_is_capped: bool
    execution_time_ms: float


class TaskRows(ApiModel):
    tasks: Sequence[JSONObject]
    query_info: TasksQueryInfo


class JobTaskRows(ApiModel):
    """``next_cursor`` continues behind the last task and is ``None`` on the last page."""

    job_id: str
    tasks: Sequence[JSONObject]
    next_cursor: str | None = None


class EnumComparison(ApiModel):
    """Labels in the database's order and in the code's; ``None`` where the one side has no such enum."""

    name: str
    database: Sequence[str] | None
    code: Sequence[str] | None
    equal: bool


class TransitionComparison(ApiModel):
    database: int
    code: int
    only_in_database: Sequence[str]
    only_in_code: Sequence[str]


class EnumDiagnosis(ApiModel):
    """``differences`` has one sentence for each; ``ok`` where there are none."""

    ok: bool
    enums: Sequence[EnumComparison]
    transitions: TransitionComparison
    differences: Sequence[str]


class FunctionCheck(ApiModel):
    """``expected`` is the signature that the function's file declares, ``present`` the database's.

    ``current`` where the database's whole definition is the file's; ``works`` where a trial call went well.
    """

    name: str
    kind: str
    expected: str | None
    present: str | None
    current: bool
    works: bool
    message: str


class FunctionChecks(ApiModel):
    ok: bool
    functions: Sequence[FunctionCheck]


class HealthState(StrEnum):
    """From best to worst."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class ComponentHealth(ApiModel):
    state: HealthState
    latency_ms: float
    message: str | None = None
    details: JSONObject


class Health(ApiModel):
    """``status`` is that of the worst component."""

    status: HealthState
    checked_at: datetime
    components: dict[str, ComponentHealth]


class ControlView(ApiModel):
    """A job after it was cancelled, resumed or started anew."""

    job_id: str
    job_type: str
    status: JobStatus
    run: int
    stage: int
    links: dict[str, str]


class PoisonList(ApiModel):
    """``queues`` holds the approximate number of messages in each poison queue."""

    queues: dict[str, int]
    dead_letters: list[DeadLetterRecord]
    next_cursor: str | None = None


class PoisonProcessed(ApiModel):
    processed: int
    verdicts: dict[str, int]


class PoisonReplayed(ApiModel):
    dead_letter_id: int
    message: JSONObject


class CleanupView(ApiModel):
    """What was removed, or with ``dry_run`` would be; ``more`` says that some was left for the next pass."""

    jobs: int
    events: int
    dead_letters: int
    sweeps: int
    payloads: int
    dry_run: bool
    more: bool


class JobRow(ApiModel):
    """The whole row of a job, its stages of all runs, how many tasks each stage has in each state, and its
    callbacks, without the query strings of their addresses."""

    job: JSONObject
    stages: Sequence[JSONObject]
    callbacks: Sequence[JSONObject]
    task_counts: Sequence[JSONObject]


class Statistics(ApiModel):
    """Counts and speeds of the newest ``counted_newest`` rows; what is unfinished, in all."""

    counted_newest: int
    jobs_by_type_and_status: Sequence[JSONObject]
    tasks_by_type_and_status: Sequence[JSONObject]
    speed: JSONObject
    unfinished: JSONObject
    tables: Sequence[JSONObject]
    indexes: Sequence[JSONObject]
    connections: JSONObject


class Everything(ApiModel):
    """Rows of each table, newest first; of the outbox the oldest."""

    jobs: Sequence[JSONObject]
    stages: Sequence[JSONObject]
    tasks: Sequence[JSONObject]
    outbox: Sequence[JSONObject]
    dead_letters: Sequence[JSONObject]
    events: Sequence[JSONObject]
    sweeps: Sequence[JSONObject]


class SchemaSteps(ApiModel):
    """What was done, in order."""

    steps: Sequence[str]


class Liveness(ApiModel):
    """``status`` is always ``live``."""

    status: str


class PoisonDisposed(ApiModel):
    dead_letter_id: int
    disposed: bool
