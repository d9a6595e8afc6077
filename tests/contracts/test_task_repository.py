"""What every ``TaskRepository`` must do."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from repositories.postgres import Database
from schema.policies import ErrorClass, RetryPolicy
from schema.records import (
    AttemptSucceeded,
    ClaimOutcome,
    FinishOutcome,
    OutboxKind,
)
from schema.states import TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    TOLERANT,
    claimed,
    end_of_job,
    failed,
    failure,
    opened,
    states,
    succeeded,
    task,
)
from tests.support.worlds import PostgresWorld, Waiting, World

FIVE_ATTEMPTS = RetryPolicy(attempts=5, base_seconds=10, factor=2, cap_seconds=35, jitter=0)


def outcome_of_claim(world: World, task_id: str, attempt: int = 1) -> ClaimOutcome:
    return world.use.tasks.claim(task_id, attempt, "worker-2", uuid4()).outcome


class TestClaim:
    def test_a_claimed_task_comes_with_all_that_its_worker_needs(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = uuid4()
        got = world.use.tasks.claim(task_id, 1, "worker-1", token).task
        assert got is not None
        assert (got.task_id, got.job_id, got.run, got.stage) == (task_id, JOB_ID, 1, 1)
        assert (got.task_index, got.task_type, got.parameters) == ("0", "work_1", {"index": 0})
        assert (got.attempt, got.max_attempts, got.lease_token) == (1, 3, token)
        assert (got.lease_seconds, got.timeout_seconds) == (120, 600)

    def test_a_claimed_task_is_being_processed(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        row = task(world, task_id)
        assert (row.status, row.attempt) == (TaskStatus.PROCESSING, 1)
        assert row.started_at is not None

    def test_a_task_is_not_claimed_twice(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        assert outcome_of_claim(world, task_id) is ClaimOutcome.STALE

    def test_of_many_claims_at_once_one_gets_the_task(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        with ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(lambda _: outcome_of_claim(world, task_id), range(32)))
        assert outcomes.count(ClaimOutcome.CLAIMED) == 1
        assert outcomes.count(ClaimOutcome.STALE) == 31

    @pytest.mark.parametrize("attempt", [2, 7])
    def test_an_attempt_whose_turn_it_is_not_is_stale(self, world: World, attempt: int) -> None:
        (task_id,) = opened(world, 1)
        assert outcome_of_claim(world, task_id, attempt) is ClaimOutcome.STALE
        assert states(world, [task_id]) == [TaskStatus.QUEUED]

    def test_an_earlier_attempt_of_a_task_that_waits_for_its_next_is_stale(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id, ErrorClass.RETRYABLE)
        assert outcome_of_claim(world, task_id, attempt=1) is ClaimOutcome.STALE

    def test_a_task_that_is_held_back_is_stale(self, world: World) -> None:
        _, second = opened(world, 2, max_parallel_tasks=1)
        assert outcome_of_claim(world, second) is ClaimOutcome.STALE

    def test_a_task_that_is_not_due_is_not_claimed(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id, ErrorClass.RETRYABLE)
        assert outcome_of_claim(world, task_id, attempt=2) is ClaimOutcome.NOT_DUE

    def test_a_message_that_came_too_early_is_sent_again(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id, ErrorClass.RETRYABLE)
        world.clear_outbox()
        outcome_of_claim(world, task_id, attempt=2)
        assert world.waiting() == [Waiting("task", 1, task_id, 2, claimed=False)]
        (row,) = world.use.outbox.claim(10)
        assert row.delay_seconds == pytest.approx(10, abs=2)

    def test_a_task_is_claimed_once_it_is_due(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id, ErrorClass.RETRYABLE)
        world.pass_time(11)
        claimed(world, task_id, attempt=2)

    @pytest.mark.parametrize("attempt", [1, 2])
    def test_a_task_that_has_ended_is_final(self, world: World, attempt: int) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        assert outcome_of_claim(world, task_id, attempt) is ClaimOutcome.FINAL

    def test_there_is_no_task_that_was_not_planned(self, world: World) -> None:
        assert outcome_of_claim(world, "no such task") is ClaimOutcome.UNKNOWN

    def test_no_task_of_a_job_that_has_ended_starts(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        world.use.jobs.finish(end_of_job())
        assert outcome_of_claim(world, task_id) is ClaimOutcome.SKIPPED
        assert states(world, [task_id]) == [TaskStatus.SKIPPED]
        assert world.waiting() == []


class TestSuccess:
    def test_a_success_is_stored(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = claimed(world, task_id)
        finish = world.use.tasks.finish(task_id, token, AttemptSucceeded({"tiles": [1, 2]}, 7))
        assert finish.outcome is FinishOutcome.COMPLETED
        row = task(world, task_id)
        assert (row.status, row.result, row.processed_items) == (TaskStatus.COMPLETED, {"tiles": [1, 2]}, 7)
        assert row.finished_at is not None

    def test_a_success_clears_the_error_of_the_attempt_before(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id, ErrorClass.RETRYABLE)
        world.pass_time(11)
        succeeded(world, task_id, attempt=2)
        assert task(world, task_id).error is None

    def test_a_success_releases_the_next_task_that_was_held_back(self, world: World) -> None:
        first, second, third = opened(world, 3, max_parallel_tasks=1)
        (row,) = succeeded(world, first).outbox
        assert (row.kind, row.task_id, row.attempt) == (OutboxKind.TASK, second, 1)
        assert states(world, [second, third]) == [TaskStatus.QUEUED, TaskStatus.PENDING]
        assert world.waiting() == [Waiting("task", 1, second, 1, claimed=True)]

    def test_of_many_successes_at_once_each_releases_another_task(self, world: World) -> None:
        tasks = opened(world, 16, max_parallel_tasks=8)
        with ThreadPoolExecutor(8) as pool:
            finishes = list(pool.map(lambda task_id: succeeded(world, task_id), tasks[:8]))
        assert {row.task_id for finish in finishes for row in finish.outbox} <= set(tasks[8:])
        assert states(world, tasks[8:]) == [TaskStatus.QUEUED] * 8
        assert len(world.waiting()) == 8

    def test_the_last_success_closes_the_stage(self, world: World) -> None:
        first, second = opened(world, 2)
        assert list(succeeded(world, first).outbox) == []
        assert [(row.kind, row.stage) for row in succeeded(world, second).outbox] == [("job", 1)]


class TestFailure:
    @pytest.mark.parametrize("error_class", [ErrorClass.RETRYABLE, ErrorClass.LOST, ErrorClass.UNKNOWN])
    def test_a_failure_that_may_go_well_next_time_is_tried_again(
        self, world: World, error_class: ErrorClass
    ) -> None:
        (task_id,) = opened(world, 1)
        finish = failed(world, task_id, error_class)
        assert finish.outcome is FinishOutcome.RETRYING
        row = task(world, task_id)
        assert (row.status, row.attempt, row.error) == (TaskStatus.QUEUED, 1, failure(error_class).error)

    def test_the_next_attempt_s_message_is_delayed_and_claimed_for_the_worker(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        (row,) = failed(world, task_id, ErrorClass.RETRYABLE).outbox
        assert (row.task_id, row.attempt) == (task_id, 2)
        assert row.delay_seconds == pytest.approx(10, abs=2)
        assert world.waiting() == [Waiting("task", 1, task_id, 2, claimed=True)]

    def test_delays_grow_up_to_their_cap(self, world: World) -> None:
        (task_id,) = opened(world, 1, retry=FIVE_ATTEMPTS)
        delays: list[float] = []
        for attempt in range(1, 5):
            (row,) = failed(world, task_id, ErrorClass.RETRYABLE, attempt).outbox
            delays.append(row.delay_seconds)
            world.pass_time(40)
        assert delays == pytest.approx([10, 20, 35, 35], abs=2)

    def test_a_throttled_attempt_waits_one_step_longer(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        (row,) = failed(world, task_id, ErrorClass.THROTTLED).outbox
        assert row.delay_seconds == pytest.approx(20, abs=2)

    def test_jitter_takes_off_a_share_of_the_delay(self, world: World) -> None:
        policy = RetryPolicy(attempts=2, base_seconds=100, cap_seconds=100, jitter=0.5)
        tasks = opened(world, 20, retry=policy)
        delays = [failed(world, task_id, ErrorClass.RETRYABLE).outbox[0].delay_seconds for task_id in tasks]
        assert min(delays) >= 48
        assert max(delays) <= 100
        assert len(set(delays)) > 10

    @pytest.mark.parametrize("error_class", [ErrorClass.RETRYABLE, ErrorClass.THROTTLED, ErrorClass.LOST])
    def test_the_last_attempt_s_failure_is_final(self, world: World, error_class: ErrorClass) -> None:
        (task_id,) = opened(world, 1, retry=RetryPolicy(attempts=2, base_seconds=0))
        failed(world, task_id, ErrorClass.RETRYABLE)
        finish = failed(world, task_id, error_class, attempt=2)
        assert finish.outcome is FinishOutcome.FAILED
        assert task(world, task_id).error == failure(error_class).error

    def test_an_unknown_failure_is_tried_again_once(self, world: World) -> None:
        (task_id,) = opened(world, 1, retry=FIVE_ATTEMPTS)
        assert failed(world, task_id, ErrorClass.UNKNOWN).outcome is FinishOutcome.RETRYING
        world.pass_time(11)
        assert failed(world, task_id, ErrorClass.UNKNOWN, attempt=2).outcome is FinishOutcome.FAILED

    def test_an_unknown_failure_is_not_tried_again_where_the_policy_has_one_attempt(
        self, world: World
    ) -> None:
        (task_id,) = opened(world, 1, retry=RetryPolicy(attempts=1))
        assert failed(world, task_id, ErrorClass.UNKNOWN).outcome is FinishOutcome.FAILED

    def test_a_permanent_failure_is_final_at_once(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        assert failed(world, task_id).outcome is FinishOutcome.FAILED
        row = task(world, task_id)
        assert (row.status, row.error) == (TaskStatus.FAILED, failure().error)

    def test_a_handler_that_stopped_because_it_was_asked_to_leaves_its_task_cancelled(
        self, world: World
    ) -> None:
        (task_id,) = opened(world, 1)
        assert failed(world, task_id, ErrorClass.CANCELLED).outcome is FinishOutcome.CANCELLED
        assert states(world, [task_id]) == [TaskStatus.CANCELLED]


class TestEarlyEnd:
    @pytest.mark.parametrize("error_class", [ErrorClass.PERMANENT, ErrorClass.CANCELLED])
    def test_where_a_stage_fails_fast_nothing_more_starts(
        self, world: World, error_class: ErrorClass
    ) -> None:
        first, running, *others = opened(world, 5, max_parallel_tasks=3)
        claimed(world, running)
        assert list(failed(world, first, error_class).outbox) == []
        assert states(world, others) == [TaskStatus.SKIPPED] * 3
        assert states(world, [running]) == [TaskStatus.PROCESSING]

    def test_what_runs_is_finished_and_then_the_stage_closes(self, world: World) -> None:
        first, running = opened(world, 2)
        token = claimed(world, running)
        failed(world, first)
        finish = world.use.tasks.finish(running, token, AttemptSucceeded({}))
        assert finish.outcome is FinishOutcome.COMPLETED
        assert [row.kind for row in finish.outbox] == [OutboxKind.JOB]

    def test_what_fails_while_its_stage_ends_is_not_tried_again(self, world: World) -> None:
        first, running = opened(world, 2)
        token = claimed(world, running)
        failed(world, first)
        finish = world.use.tasks.finish(running, token, failure(ErrorClass.RETRYABLE))
        assert finish.outcome is FinishOutcome.FAILED

    def test_where_failures_are_tolerated_the_next_task_is_released(self, world: World) -> None:
        first, second, third = opened(world, 3, max_parallel_tasks=1, failure=TOLERANT)
        (row,) = failed(world, first).outbox
        assert row.task_id == second
        assert states(world, [second, third]) == [TaskStatus.QUEUED, TaskStatus.PENDING]


class TestLostLease:
    def test_a_token_that_is_not_the_task_s_changes_nothing(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        finish = world.use.tasks.finish(task_id, uuid4(), AttemptSucceeded({}))
        assert (finish.outcome, list(finish.outbox)) == (FinishOutcome.LOST, [])
        assert states(world, [task_id]) == [TaskStatus.PROCESSING]

    @pytest.mark.parametrize("outcome", [AttemptSucceeded({"late": True}), failure()])
    def test_a_worker_whose_task_went_to_another_changes_nothing(
        self, world: World, outcome: AttemptSucceeded
    ) -> None:
        (task_id,) = opened(world, 1, retry=RetryPolicy(base_seconds=0))
        old = claimed(world, task_id)
        world.pass_time(121)
        world.use.sweeps.sweep(10)
        new = claimed(world, task_id, attempt=2)
        assert world.use.tasks.finish(task_id, old, outcome).outcome is FinishOutcome.LOST
        finish = world.use.tasks.finish(task_id, new, AttemptSucceeded({"late": False}))
        assert finish.outcome is FinishOutcome.COMPLETED
        assert task(world, task_id).result == {"late": False}

    def test_an_attempt_finishes_once(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = claimed(world, task_id)
        world.use.tasks.finish(task_id, token, AttemptSucceeded({"first": True}))
        again = world.use.tasks.finish(task_id, token, AttemptSucceeded({"first": False}))
        assert again.outcome is FinishOutcome.LOST
        assert task(world, task_id).result == {"first": True}


def test_each_move_of_a_task_is_on_record(world: World) -> None:
    (task_id,) = opened(world, 1)
    failed(world, task_id, ErrorClass.RETRYABLE)
    world.pass_time(11)
    succeeded(world, task_id, attempt=2)
    moves = [event[2:] for event in world.events() if event.subject == task_id]
    assert moves == [
        ("queued", "claimed", "processing"),
        ("processing", "attempt_failed", "queued"),
        ("queued", "claimed", "processing"),
        ("processing", "completed", "completed"),
    ]


def test_a_stage_s_early_end_is_part_of_the_failure_s_own_transaction(database: Database) -> None:
    world = PostgresWorld(database)
    first, held_back = opened(world, 2, max_parallel_tasks=1)
    token = claimed(world, first)
    database.execute(
        "select from app.fail_attempt(%s, %s, %s, 'permanent', null)",
        [first, token, Jsonb({"code": "BROKEN"})],
    )
    assert states(world, [held_back]) == [TaskStatus.SKIPPED]
