"""What every ``TaskRepository`` must do with attempts that do not count, that wait, or that others end."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from schema.policies import ErrorClass, RetryPolicy
from schema.records import AttemptSucceeded, Finish, FinishOutcome, Heartbeat, LeaseState
from schema.results import ErrorDetail
from schema.states import StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    TOLERANT,
    claimed,
    failed,
    failure,
    opened,
    stage,
    states,
    succeeded,
    task,
)
from tests.support.worlds import World

ONE_ATTEMPT = RetryPolicy(attempts=1, base_seconds=10, jitter=0)
POISON = ErrorDetail(code="UNHANDLED_POISON", message="it never went well")


def ended_with(
    world: World, task_id: str, error_class: ErrorClass, delay_seconds: float | None, attempt: int = 1
) -> Finish:
    token = claimed(world, task_id, attempt)
    return world.use.tasks.finish(task_id, token, replace(failure(error_class), delay_seconds=delay_seconds))


class TestDeferred:
    def test_an_attempt_that_was_deferred_does_not_count(self, world: World) -> None:
        (task_id,) = opened(world, 1, retry=ONE_ATTEMPT)
        for attempt in range(1, 6):
            finish = ended_with(world, task_id, ErrorClass.DEFERRED, 30, attempt)
            assert finish.outcome is FinishOutcome.RETRYING
            world.pass_time(31)
        row = task(world, task_id)
        assert (row.status, row.attempt, row.max_attempts) == (TaskStatus.QUEUED, 5, 6)
        assert failed(world, task_id, ErrorClass.RETRYABLE, 6).outcome is FinishOutcome.FAILED

    def test_it_waits_as_long_as_it_asked_for_and_not_longer(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        (row,) = ended_with(world, task_id, ErrorClass.DEFERRED, 3).outbox
        assert (row.attempt, row.delay_seconds) == (2, pytest.approx(3, abs=1))

    def test_where_it_asked_for_nothing_it_waits_as_the_policy_says(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        (row,) = ended_with(world, task_id, ErrorClass.DEFERRED, None).outbox
        assert row.delay_seconds == pytest.approx(10, abs=1)

    def test_later_failures_wait_as_if_it_had_not_been(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        for attempt in range(1, 5):
            ended_with(world, task_id, ErrorClass.DEFERRED, 0, attempt)
        (row,) = failed(world, task_id, ErrorClass.RETRYABLE, attempt=5).outbox
        assert row.delay_seconds == pytest.approx(10, abs=1)

    def test_an_unknown_failure_has_its_second_chance_still(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        ended_with(world, task_id, ErrorClass.DEFERRED, 0)
        assert failed(world, task_id, ErrorClass.UNKNOWN, attempt=2).outcome is FinishOutcome.RETRYING

    def test_its_error_is_kept_in_the_task(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        ended_with(world, task_id, ErrorClass.DEFERRED, 30)
        assert task(world, task_id).error == failure(ErrorClass.DEFERRED).error

    def test_in_a_stage_that_is_ending_it_is_not_tried_again(self, world: World) -> None:
        first, running = opened(world, 2)
        token = claimed(world, running)
        failed(world, first)
        finish = world.use.tasks.finish(running, token, failure(ErrorClass.DEFERRED))
        assert finish.outcome is FinishOutcome.FAILED


class TestDelay:
    def test_an_attempt_may_ask_to_wait_longer_than_the_policy_says(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        (row,) = ended_with(world, task_id, ErrorClass.THROTTLED, 90).outbox
        assert row.delay_seconds == pytest.approx(90, abs=1)

    def test_it_does_not_wait_less_than_the_policy_says(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        (row,) = ended_with(world, task_id, ErrorClass.RETRYABLE, 1).outbox
        assert row.delay_seconds == pytest.approx(10, abs=1)


def test_an_attempt_that_took_too_long_is_tried_again(world: World) -> None:
    (task_id,) = opened(world, 1, retry=RetryPolicy(attempts=2, base_seconds=0))
    assert failed(world, task_id, ErrorClass.TIMED_OUT).outcome is FinishOutcome.RETRYING
    assert failed(world, task_id, ErrorClass.TIMED_OUT, attempt=2).outcome is FinishOutcome.FAILED


def test_a_result_that_is_kept_elsewhere_is_stored_by_its_reference(world: World) -> None:
    (task_id,) = opened(world, 1)
    token = claimed(world, task_id)
    world.use.tasks.finish(task_id, token, AttemptSucceeded(None, 1, "job/result.json"))
    row = task(world, task_id)
    assert (row.status, row.result, row.result_ref) == (TaskStatus.COMPLETED, None, "job/result.json")


class TestFailedByOthers:
    def test_a_task_that_waits_fails_and_nothing_more_starts(self, world: World) -> None:
        first, second, held_back = opened(world, 3, max_parallel_tasks=2)
        finish = world.use.tasks.fail(first, POISON)
        assert finish is not None
        assert (finish.outcome, list(finish.outbox)) == (FinishOutcome.FAILED, [])
        assert task(world, first).error == POISON
        assert states(world, [first, second, held_back]) == [
            TaskStatus.FAILED,
            TaskStatus.SKIPPED,
            TaskStatus.SKIPPED,
        ]

    def test_a_task_that_runs_fails_and_its_worker_loses_the_lease(self, world: World) -> None:
        (running,) = opened(world, 1)
        token = claimed(world, running)
        assert world.use.tasks.fail(running, POISON) is not None
        assert world.use.tasks.heartbeat([Heartbeat(running, token)]) == {token: LeaseState.LOST}
        late = world.use.tasks.finish(running, token, AttemptSucceeded({}))
        assert late.outcome is FinishOutcome.LOST
        assert task(world, running).error == POISON

    def test_where_failures_are_tolerated_the_next_one_is_released(self, world: World) -> None:
        first, second = opened(world, 2, max_parallel_tasks=1, failure=TOLERANT)
        finish = world.use.tasks.fail(first, POISON)
        assert finish is not None
        assert [(row.task_id, row.attempt) for row in finish.outbox] == [(second, 1)]

    def test_one_that_was_held_back_leaves_no_place_for_another(self, world: World) -> None:
        tasks = opened(world, 3, max_parallel_tasks=1, failure=TOLERANT)
        finish = world.use.tasks.fail(tasks[1], POISON)
        assert finish is not None
        assert list(finish.outbox) == []
        assert states(world, tasks) == [TaskStatus.QUEUED, TaskStatus.FAILED, TaskStatus.PENDING]

    def test_the_stage_may_be_closed_then(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        world.use.tasks.fail(task_id, POISON)
        assert [row.kind for row in world.use.stages.close(JOB_ID, 1, 1)] == ["job"]
        assert stage(world).status is StageStatus.CLOSING

    def test_a_task_that_has_ended_does_not_fail(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        assert world.use.tasks.fail(task_id, POISON) is None
        assert states(world, [task_id]) == [TaskStatus.COMPLETED]

    def test_a_task_that_is_not_there_does_not_fail(self, world: World) -> None:
        assert world.use.tasks.fail("no such task", POISON) is None

    def test_many_at_once_do_not_wait_for_each_other(self, world: World) -> None:
        tasks = opened(world, 30)
        with ThreadPoolExecutor(10) as pool:
            finishes = list(pool.map(lambda task_id: world.use.tasks.fail(task_id, POISON), tasks))
        assert sum(finish is not None for finish in finishes) >= 1
        world.use.sweeps.sweep(100)
        for task_id in tasks:
            world.use.tasks.claim(task_id, 1, "worker-1", uuid4())
        assert set(states(world, tasks)) <= {TaskStatus.FAILED, TaskStatus.SKIPPED}
        assert states(world, tasks).count(TaskStatus.FAILED) == sum(finish is not None for finish in finishes)
