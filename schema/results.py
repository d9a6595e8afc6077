"""The contracts between engine, controllers and handlers: what a task, a stage and a decision look like."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schema.json_types import JSONObject, JSONValue
from schema.policies import ErrorClass
from schema.states import StageStatus, TaskStatus


class Contract(BaseModel):
    """Base of every value that crosses the engine's boundary: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FileReference(Contract):
    """A file that a job wrote. A field of this kind in a job's result is an output that is given by
    reference."""

    container: str
    blob: str
    media_type: str


class ErrorDetail(Contract):
    """An error as rows and the API show it; never a stack, SQL or a secret."""

    code: str
    message: str
    error_class: ErrorClass | None = None
    stage: int | None = None
    task_id: str | None = None


class TaskResult(Contract):
    """How one task ended. ``execution_time_seconds`` is that of its last attempt."""

    task_id: str
    task_index: str
    job_id: str
    stage_number: int
    task_type: str
    status: TaskStatus
    result_data: JSONObject | None = None
    error_details: ErrorDetail | None = None
    execution_time_seconds: float | None = None
    processed_items: int | None = None
    completed_at: datetime | None = None
    result_ref: str | None = None


class OrchestrationAction(StrEnum):
    CREATE_TASKS = "create_tasks"
    COMPLETE_JOB = "complete_job"
    FAIL_JOB = "fail_job"
    RETRY_STAGE = "retry_stage"


class OrchestrationData(Contract):
    """What is to happen after a stage; ``items`` are what the next stage makes its tasks from."""

    action: OrchestrationAction
    items: tuple[JSONValue, ...] = ()
    item_count: int = 0
    next_stage_parameters: JSONObject = Field(default_factory=dict)
    reason: str | None = None
    metadata: JSONObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _counts_agree(self) -> "OrchestrationData":
        if self.items and self.item_count != len(self.items):
            raise ValueError(f"item_count is {self.item_count}, but there are {len(self.items)} items")
        return self


class OrchestratingResult(Contract):
    """Base of the result of a task that decides how its job goes on; such a stage has one task."""

    orchestration: OrchestrationData


class StageResultContract(Contract):
    """A finished stage, built only from the tasks of that stage and run."""

    stage_number: int
    stage_key: str
    status: StageStatus
    task_count: int
    successful_tasks: int
    failed_tasks: int
    success_rate: float = Field(ge=0, le=100)
    task_results: tuple[TaskResult, ...]
    completed_at: datetime
    metadata: JSONObject = Field(default_factory=dict)
    orchestration: OrchestrationData | None = None
