"""A stage's result is put together from its tasks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration import aggregation
from orchestration.aggregation import stage_result, task_result, with_decision
from orchestration.payloads import Payloads
from schema.errors import ContractViolationError
from schema.policies import FailurePolicy
from schema.records import StageRecord, TaskRecord
from schema.results import ErrorDetail, OrchestrationAction, OrchestrationData
from schema.states import StageStatus, TaskStatus
from tests.fakes.payloads import FakePayloadStore
from tests.unit.orchestration.trial import TOLERANT, DecidingResult, WorkResult, stage

NOW = datetime(2025, 1, 1, tzinfo=UTC)
PAYLOADS = Payloads(FakePayloadStore(), limit=10)
DONE, FAILED, SKIPPED, CANCELLED = (
    TaskStatus.COMPLETED,
    TaskStatus.FAILED,
    TaskStatus.SKIPPED,
    TaskStatus.CANCELLED,
)
ROW = StageRecord(
    job_id="a" * 64,
    run=1,
    stage=2,
    status=StageStatus.CLOSING,
    task_type="work",
    expected=2,
    completed=0,
    failed=0,
    retries=1,
    opened_at=NOW,
)


def task(status: TaskStatus = DONE, position: int = 0, **changes: Any) -> TaskRecord:
    values: dict[str, Any] = {
        "task_id": f"task-{position}",
        "job_id": "a" * 64,
        "run": 1,
        "stage": 2,
        "task_index": str(position),
        "position": position,
        "task_type": "work",
        "status": status,
        "parameters": {},
        "attempt": 1,
        "max_attempts": 3,
    }
    return TaskRecord(**{**values, **changes})


def status_of(failure: FailurePolicy, *states: TaskStatus) -> StageStatus:
    tasks = [task(status, position) for position, status in enumerate(states)]
    return stage_result(ROW, stage(failure=failure), tasks, NOW).status


def test_the_result_counts_its_tasks() -> None:
    states = [DONE, FAILED, SKIPPED, CANCELLED]
    result = stage_result(ROW, stage(), [task(status, at) for at, status in enumerate(states)], NOW)
    assert (result.stage_number, result.stage_key, result.completed_at) == (2, "2", NOW)
    assert (result.task_count, result.successful_tasks, result.failed_tasks) == (4, 1, 3)
    assert result.success_rate == 25
    assert [entry.status for entry in result.task_results] == states
    assert result.metadata == {
        "name": "working",
        "task_type": "work",
        "retries": 1,
        "skipped_tasks": 1,
        "cancelled_tasks": 1,
        "results_left_out": 0,
    }


def test_a_stage_of_no_tasks_is_wholly_successful() -> None:
    result = stage_result(ROW, stage(), [], NOW)
    assert (result.status, result.success_rate, result.task_count) == (StageStatus.COMPLETED, 100, 0)


@pytest.mark.parametrize(
    ("failure", "states", "status"),
    [
        (FailurePolicy(), [DONE, DONE], StageStatus.COMPLETED),
        (FailurePolicy(), [DONE, FAILED], StageStatus.FAILED),
        (FailurePolicy(), [DONE, SKIPPED], StageStatus.FAILED),
        (FailurePolicy(min_success_rate=0), [DONE, CANCELLED], StageStatus.FAILED),
        (TOLERANT, [DONE, DONE], StageStatus.COMPLETED),
        (TOLERANT, [DONE, FAILED], StageStatus.COMPLETED_WITH_ERRORS),
        (TOLERANT, [DONE, FAILED, FAILED], StageStatus.FAILED),
        (TOLERANT, [FAILED], StageStatus.FAILED),
    ],
)
def test_the_status_follows_from_the_failure_policy(
    failure: FailurePolicy, states: list[TaskStatus], status: StageStatus
) -> None:
    assert status_of(failure, *states) is status


def test_a_task_is_shown_with_its_result_and_its_times() -> None:
    started = NOW - timedelta(seconds=1.5)
    row = task(result={"a": 1}, started_at=started, finished_at=NOW, processed_items=7)
    shown = task_result(row)
    assert (shown.task_id, shown.task_index, shown.job_id, shown.stage_number) == ("task-0", "0", "a" * 64, 2)
    assert (shown.result_data, shown.processed_items) == ({"a": 1}, 7)
    assert (shown.execution_time_seconds, shown.completed_at) == (1.5, NOW)


def test_a_task_is_shown_with_its_error() -> None:
    error = ErrorDetail(code="BROKEN", message="it broke")
    assert task_result(task(FAILED, error=error)).error_details == error


@pytest.mark.parametrize("times", [{"finished_at": NOW}, {"started_at": NOW}])
def test_a_task_that_never_ran_took_no_time(times: dict[str, datetime]) -> None:
    assert task_result(task(SKIPPED, **times)).execution_time_seconds is None


def test_clocks_that_disagree_make_no_negative_time() -> None:
    row = task(started_at=NOW, finished_at=NOW - timedelta(seconds=1))
    assert task_result(row).execution_time_seconds == 0


def decision(action: OrchestrationAction) -> OrchestrationData:
    return OrchestrationData(action=action)


def deciding_task(action: OrchestrationAction, status: TaskStatus = DONE, position: int = 0) -> TaskRecord:
    result = DecidingResult(orchestration=decision(action)).model_dump(mode="json")
    return task(status, position, result=result)


def test_the_task_s_decision_is_the_stage_s() -> None:
    tasks = [
        deciding_task(OrchestrationAction.FAIL_JOB, FAILED),
        deciding_task(OrchestrationAction.COMPLETE_JOB, position=1),
    ]
    result = with_decision(stage_result(ROW, stage(failure=TOLERANT), tasks, NOW), DecidingResult, PAYLOADS)
    assert result.orchestration == decision(OrchestrationAction.COMPLETE_JOB)


def test_a_large_decision_is_found_where_it_is_kept() -> None:
    made = DecidingResult(orchestration=decision(OrchestrationAction.FAIL_JOB)).model_dump(mode="json")
    _, reference = PAYLOADS.kept("a" * 64, "result", made)
    result = stage_result(ROW, stage(), [task(result=None, result_ref=reference)], NOW)
    decided = with_decision(result, DecidingResult, PAYLOADS).orchestration
    assert decided == decision(OrchestrationAction.FAIL_JOB)


@pytest.mark.parametrize("kept_elsewhere", [False, True])
def test_the_items_of_a_decision_stand_in_the_result_once(kept_elsewhere: bool) -> None:
    orchestration = OrchestrationData(action=OrchestrationAction.CREATE_TASKS, items=("a", "b"), item_count=2)
    made = DecidingResult(orchestration=orchestration).model_dump(mode="json")
    reference = PAYLOADS.kept("a" * 64, "result", made)[1] if kept_elsewhere else None
    row = task(result=None if kept_elsewhere else made, result_ref=reference)
    result = with_decision(stage_result(ROW, stage(), [row], NOW), DecidingResult, PAYLOADS)
    (shown,) = result.task_results
    assert result.orchestration == orchestration
    assert DecidingResult.model_validate(shown.result_data).orchestration.items == ()
    assert DecidingResult.model_validate(shown.result_data).orchestration.item_count == 2


def test_results_beyond_what_a_stage_holds_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregation, "MAX_RESULT_BYTES", 25)
    tasks = [task(position=at, result={"n": at}) for at in range(5)]
    result = stage_result(ROW, stage(), tasks, NOW)
    assert [shown.result_data for shown in result.task_results] == [{"n": 0}, {"n": 1}, {"n": 2}, None, None]
    assert (result.task_count, result.successful_tasks, result.metadata["results_left_out"]) == (5, 5, 2)


def test_a_stage_without_a_completed_task_has_no_decision() -> None:
    result = stage_result(ROW, stage(), [task(FAILED)], NOW)
    assert with_decision(result, DecidingResult, PAYLOADS) == result


def test_a_stage_whose_contract_decides_nothing_has_no_decision() -> None:
    result = stage_result(ROW, stage(), [deciding_task(OrchestrationAction.FAIL_JOB)], NOW)
    assert with_decision(result, WorkResult, PAYLOADS).orchestration is None


def test_a_task_that_left_no_decision_is_named() -> None:
    result = stage_result(ROW, stage(), [task(result={"orchestration": {"action": "dance"}})], NOW)
    with pytest.raises(ContractViolationError) as caught:
        with_decision(result, DecidingResult, PAYLOADS)
    assert caught.value.producer == "task task-0"
    assert caught.value.field == "/orchestration/action"
