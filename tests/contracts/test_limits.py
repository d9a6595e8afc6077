"""What every ``TaskRepository`` must do where tasks share something, and what priorities do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from schema.policies import ErrorClass, Priority, RetryPolicy
from schema.records import AttemptSucceeded, ClaimOutcome, Heartbeat, LeaseState
from schema.results import ErrorDetail
from schema.states import TaskStatus
from tests.contracts.steps import (
    TOLERANT,
    claimed,
    failure,
    new_job,
    opened,
    stage_of,
    states,
    task,
)
from tests.support.worlds import Waiting, World

OTHER = "1" * 64
POISON = ErrorDetail(code="UNHANDLED_POISON", message="it never went well")


def limited(world: World, tasks: int, limit: int, job_id: str, job_type: str = "trial") -> list[str]:
    """An open stage of a job whose type may have so many live leases."""
    world.use.jobs.submit(new_job(job_id, job_type=job_type, max_parallel_tasks=limit))
    plan = stage_of(tasks, job_id, failure=TOLERANT, retry=RetryPolicy(base_seconds=0, jitter=0))
    assert world.use.stages.open(plan)
    world.clear_outbox()
    return [planned.task_id for planned in plan.tasks]


def sharing(world: World, resource: str | None, job_id: str, tasks: int = 1) -> list[str]:
    """An open stage of tasks that all name the resource."""
    world.use.jobs.submit(new_job(job_id))
    plan = stage_of(tasks, job_id, failure=TOLERANT, retry=RetryPolicy(base_seconds=0, jitter=0))
    plan = replace(plan, tasks=[replace(planned, resource=resource) for planned in plan.tasks])
    assert world.use.stages.open(plan)
    world.clear_outbox()
    return [planned.task_id for planned in plan.tasks]


def outcome_of_claim(world: World, task_id: str, attempt: int = 1) -> ClaimOutcome:
    return world.use.tasks.claim(task_id, attempt, "worker-2", uuid4()).outcome


class TestLimitOfJobType:
    @pytest.fixture
    def full(self, world: World) -> tuple[str, UUID, str]:
        """A task that holds its type's only lease, its token, and a task of another job that waits."""
        (holder,) = limited(world, 1, 1, "0" * 64)
        (waiting,) = limited(world, 1, 1, OTHER)
        return holder, claimed(world, holder), waiting

    def test_a_task_beyond_the_limit_waits_and_no_attempt_is_spent(
        self, world: World, full: tuple[str, UUID, str]
    ) -> None:
        _, _, waiting = full
        assert outcome_of_claim(world, waiting) is ClaimOutcome.NOT_DUE
        row = task(world, waiting)
        assert (row.status, row.attempt) == (TaskStatus.QUEUED, 0)
        assert world.waiting() == [Waiting("task", 1, waiting, 1, claimed=False)]
        (message,) = world.use.outbox.claim(1)
        assert 0.5 < message.delay_seconds <= 2

    @pytest.mark.parametrize("outcome", [AttemptSucceeded({}), failure(), failure(ErrorClass.RETRYABLE)])
    def test_it_is_claimed_once_a_lease_has_ended(
        self, world: World, full: tuple[str, UUID, str], outcome: AttemptSucceeded
    ) -> None:
        holder, token, waiting = full
        world.use.tasks.finish(holder, token, outcome)
        claimed(world, waiting)

    def test_a_lease_that_has_run_out_does_not_count(self, world: World, full: tuple[str, UUID, str]) -> None:
        _, _, waiting = full
        world.pass_time(121)
        claimed(world, waiting)

    def test_a_lease_that_has_run_out_is_not_extended(
        self, world: World, full: tuple[str, UUID, str]
    ) -> None:
        holder, token, waiting = full
        world.pass_time(121)
        claimed(world, waiting)
        assert world.use.tasks.heartbeat([Heartbeat(holder, token)]) == {token: LeaseState.LOST}

    @pytest.mark.usefixtures("full")
    def test_another_type_has_a_limit_of_its_own(self, world: World) -> None:
        (other,) = limited(world, 1, 1, "2" * 64, job_type="another")
        claimed(world, other)

    def test_a_task_that_may_not_start_does_not_wait(self, world: World, full: tuple[str, UUID, str]) -> None:
        _, _, waiting = full
        world.use.jobs.cancel(OTHER, "no longer needed")
        assert outcome_of_claim(world, waiting) is ClaimOutcome.FINAL

    def test_what_runs_of_a_cancelled_job_counts_still(
        self, world: World, full: tuple[str, UUID, str]
    ) -> None:
        _, _, waiting = full
        world.use.jobs.cancel("0" * 64, "no longer needed")
        assert outcome_of_claim(world, waiting) is ClaimOutcome.NOT_DUE

    def test_of_many_claims_at_once_no_more_succeed_than_the_limit(self, world: World) -> None:
        tasks = [*limited(world, 10, 3, "0" * 64), *limited(world, 10, 3, OTHER)]
        with ThreadPoolExecutor(10) as pool:
            outcomes = list(pool.map(lambda task_id: outcome_of_claim(world, task_id), tasks))
        assert outcomes.count(ClaimOutcome.CLAIMED) == 3
        assert outcomes.count(ClaimOutcome.NOT_DUE) == 17
        assert len(world.snapshot().leased) == 3


class TestNamedResource:
    @pytest.fixture
    def held(self, world: World) -> tuple[str, UUID, str]:
        """A task that holds the resource, its token, and a task of another job that waits for it."""
        (holder,) = sharing(world, "geo.roads", "0" * 64)
        (waiting,) = sharing(world, "geo.roads", OTHER)
        return holder, claimed(world, holder), waiting

    def test_of_two_tasks_that_name_it_one_runs(self, world: World, held: tuple[str, UUID, str]) -> None:
        _, _, waiting = held
        assert outcome_of_claim(world, waiting) is ClaimOutcome.NOT_DUE
        row = task(world, waiting)
        assert (row.status, row.attempt) == (TaskStatus.QUEUED, 0)
        assert world.waiting() == [Waiting("task", 1, waiting, 1, claimed=False)]

    @pytest.mark.parametrize("outcome", [AttemptSucceeded({}), failure(), failure(ErrorClass.RETRYABLE)])
    def test_it_is_released_with_the_attempt(
        self, world: World, held: tuple[str, UUID, str], outcome: AttemptSucceeded
    ) -> None:
        holder, token, waiting = held
        world.use.tasks.finish(holder, token, outcome)
        claimed(world, waiting)

    def test_it_is_released_with_a_lost_lease(self, world: World, held: tuple[str, UUID, str]) -> None:
        _, _, waiting = held
        world.pass_time(121)
        assert outcome_of_claim(world, waiting) is ClaimOutcome.NOT_DUE
        world.use.sweeps.sweep(10)
        world.pass_time(3)
        claimed(world, waiting)

    def test_it_is_released_where_its_holder_is_failed(
        self, world: World, held: tuple[str, UUID, str]
    ) -> None:
        holder, _, waiting = held
        world.use.tasks.fail(holder, POISON)
        claimed(world, waiting)

    @pytest.mark.usefixtures("held")
    def test_another_resource_is_free(self, world: World) -> None:
        (other,) = sharing(world, "geo.rivers", "2" * 64)
        claimed(world, other)

    def test_tasks_that_name_none_do_not_wait(self, world: World) -> None:
        for task_id in sharing(world, None, "0" * 64, tasks=2):
            claimed(world, task_id)

    def test_of_many_claims_at_once_one_gets_it(self, world: World) -> None:
        tasks = sharing(world, "geo.roads", "0" * 64, tasks=10)
        with ThreadPoolExecutor(10) as pool:
            outcomes = list(pool.map(lambda task_id: outcome_of_claim(world, task_id), tasks))
        assert outcomes.count(ClaimOutcome.CLAIMED) == 1
        assert outcomes.count(ClaimOutcome.NOT_DUE) == 9


class TestPriority:
    def test_urgent_messages_are_sent_first(self, world: World) -> None:
        for number, priority in enumerate([Priority.LOW, Priority.NORMAL, Priority.HIGH]):
            world.use.jobs.submit(new_job(str(number) * 64, priority=priority))
        world.pass_time(61)
        claims = [row.job_id[0] for _ in range(3) for row in world.use.outbox.claim(1)]
        assert claims == ["2", "1", "0"]
        world.pass_time(61)
        assert [row.job_id[0] for row in world.use.outbox.claim(3)] == ["2", "1", "0"]

    def test_equally_urgent_ones_are_sent_in_their_order(self, world: World) -> None:
        for number in range(3):
            world.use.jobs.submit(new_job(str(number) * 64, priority=Priority.HIGH))
        world.pass_time(61)
        assert [row.job_id[0] for row in world.use.outbox.claim(3)] == ["0", "1", "2"]

    @pytest.mark.parametrize(
        ("priority", "window", "started"),
        [
            (Priority.HIGH, 8, 8),
            (Priority.NORMAL, 8, 8),
            (Priority.LOW, 8, 2),
            (Priority.LOW, 3, 1),
        ],
    )
    def test_a_job_of_low_priority_has_a_quarter_of_the_window(
        self, world: World, priority: Priority, window: int, started: int
    ) -> None:
        world.use.jobs.submit(new_job(OTHER, priority=priority))
        tasks = opened(world, 10, OTHER, max_parallel_tasks=window)
        assert states(world, tasks).count(TaskStatus.QUEUED) == started

    def test_a_job_keeps_the_priority_it_was_submitted_with_first(self, world: World) -> None:
        world.use.jobs.submit(new_job(priority=Priority.LOW))
        assert world.use.jobs.submit(new_job(priority=Priority.HIGH)).job.priority is Priority.LOW
