"""Puts a stage's result together from its tasks, and only from those."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from orchestration.contracts import parsed
from orchestration.payloads import Payloads
from schema.json_types import JSONObject
from schema.policies import FailureMode
from schema.records import StageRecord, TaskRecord
from schema.results import OrchestratingResult, StageResultContract, TaskResult
from schema.states import StageStatus, TaskStatus
from schema.workflow import StageDefinition

MAX_RESULT_BYTES = 32_000_000


def stage_result(
    stage: StageRecord, definition: StageDefinition[Any], tasks: Iterable[TaskRecord], now: datetime
) -> StageResultContract:
    """The contract of a stage all of whose tasks are final.

    An empty stage counts as wholly successful. Once ``MAX_RESULT_BYTES`` of task results are in it, the
    others are left where they are, and ``metadata`` counts them: what needs all reads them page by page.
    """
    results, left_out = _task_results(tasks)
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
        metadata={
            "name": definition.name,
            "task_type": stage.task_type,
            "retries": stage.retries,
            "skipped_tasks": sum(result.status is TaskStatus.SKIPPED for result in results),
            "cancelled_tasks": sum(result.status is TaskStatus.CANCELLED for result in results),
            "results_left_out": left_out,
        },
    )


def _task_results(tasks: Iterable[TaskRecord]) -> tuple[tuple[TaskResult, ...], int]:
    results: list[TaskResult] = []
    room, left_out = MAX_RESULT_BYTES, 0
    for task in tasks:
        result = task_result(task)
        room -= len(to_json(result.result_data))
        if room < 0 and result.result_data is not None:
            result = result.model_copy(update={"result_data": None})
            left_out += 1
        results.append(result)
    return tuple(results), left_out


def with_decision(
    result: StageResultContract, model: type[BaseModel], payloads: Payloads
) -> StageResultContract:
    """The result with what its own task decided, where the stage's contract has such a task.

    Raises ``ContractViolationError`` where that task left something else than a decision.
    """
    if not issubclass(model, OrchestratingResult):
        return result
    for task in result.task_results:
        if task.status is TaskStatus.COMPLETED:
            given = payloads.found(task.result_data, task.result_ref)
            decided = parsed(model, given, f"task {task.task_id}")
            slim = task.model_copy(update={"result_data": _without_items(decided)})
            return result.model_copy(
                update={
                    "orchestration": decided.orchestration,
                    "task_results": tuple(slim if other is task else other for other in result.task_results),
                }
            )
    return result


def _without_items(decided: OrchestratingResult) -> JSONObject:
    """What a task decided, but for the items: they stand in the stage's result, and once is enough."""
    orchestration = decided.orchestration.model_copy(update={"items": ()})
    slim: JSONObject = decided.model_copy(update={"orchestration": orchestration}).model_dump(mode="json")
    return slim


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
