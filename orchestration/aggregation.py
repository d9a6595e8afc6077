"""Puts a stage's result together from its tasks, and only from those."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from orchestration.contracts import parsed
from schema.policies import FailureMode
from schema.records import StageRecord, TaskRecord
from schema.results import OrchestratingResult, StageResultContract, TaskResult
from schema.states import StageStatus, TaskStatus
from schema.workflow import StageDefinition


def stage_result(
    stage: StageRecord, definition: StageDefinition[Any], tasks: Iterable[TaskRecord], now: datetime
) -> StageResultContract:
    """The contract of a stage all of whose tasks are final.

    An empty stage counts as wholly successful.
    """
    results = tuple(task_result(task) for task in tasks)
    successful = sum(result.status is TaskStatus.COMPLETED for result in results)
    rate = 100.0 * successful / len(results) if results else 100.0
    return StageResultContract(
        stage_number=stage.stage,
        stage_key=str(stage.stage),
        status=_status(definition, successful, len(results), rate),
        task_count=len(results),
        successful_tasks=successful,
        failed_tasks=len(results) - successful,
        success_rate=rate,
        task_results=results,
        completed_at=now,
        metadata={"name": definition.name, "task_type": stage.task_type, "retries": stage.retries},
    )


def with_decision(result: StageResultContract, model: type[BaseModel]) -> StageResultContract:
    """The result with what its own task decided, where the stage's contract has such a task.

    Raises ``ContractViolationError`` where that task left something else than a decision.
    """
    if not issubclass(model, OrchestratingResult):
        return result
    for task in result.task_results:
        if task.status is TaskStatus.COMPLETED:
            decision = parsed(model, task.result_data, f"task {task.task_id}").orchestration
            return result.model_copy(update={"orchestration": decision})
    return result


def task_result(task: TaskRecord) -> TaskResult:
    """A final task as its stage's result shows it."""
    seconds = None
    if task.started_at and task.finished_at:
        seconds = max(0.0, (task.finished_at - task.started_at).total_seconds())
    return TaskResult(
        task_id=task.task_id,
        task_index=task.task_index,
        job_id=task.job_id,
        stage_number=task.stage,
        task_type=task.task_type,
        status=task.status,
        result_data=task.result,
        error_details=task.error,
        execution_time_seconds=seconds,
        processed_items=task.processed_items,
        completed_at=task.finished_at,
        result_ref=task.result_ref,
    )


def _status(definition: StageDefinition[Any], successful: int, count: int, rate: float) -> StageStatus:
    if successful == count:
        return StageStatus.COMPLETED
    tolerated = (
        definition.failure.mode is FailureMode.TOLERATE and rate >= definition.failure.min_success_rate
    )
    return StageStatus.COMPLETED_WITH_ERRORS if tolerated else StageStatus.FAILED
