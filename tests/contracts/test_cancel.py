"""What every ``JobRepository`` must do where a job is cancelled, or failed before its time."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from schema.policies import ErrorClass
from schema.records import (
    AttemptSucceeded,
    ClaimOutcome,
    ControlOutcome,
    FinishJob,
    FinishOutcome,
    Heartbeat,
    LeaseState,
)
from schema.results import ErrorDetail
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    claimed,
    completion,
    end_of_job,
    failed,
    failure,
    job,
    new_job,
    opened,
    settlement,
    stage,
    stage_of,
    states,
    succeeded,
)
from tests.support.worlds import World

POISON = ErrorDetail(code="UNHANDLED_POISON", message="it never went well", stage=1)


def cancel(world: World) -> ControlOutcome:
    control = world.use.jobs.cancel(JOB_ID, "no longer needed")
    assert control is not None
    assert control.job == job(world)
    assert list(control.outbox) == []
    return control.outcome


def told_among_others(world: World) -> ControlOutcome:
    control = world.use.jobs.cancel(JOB_ID, "no longer needed")
    assert control is not None
    return control.outcome


class TestCancel:
    def test_a_queued_job_is_cancelled_with_the_reason(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        assert cancel(world) is ControlOutcome.DONE
        row = job(world)
        assert row.error is not None
        assert (row.status, row.error.code, row.error.message) == (
            JobStatus.CANCELLED,
            "JOB_CANCELLED",
            "no longer needed",
        )
        assert row.finished_at is not None

    def test_a_job_under_way_is_cancelled_with_all_that_has_not_started(self, world: World) -> None:
        waiting, running, queued, held_back = opened(world, 4, max_parallel_tasks=3)
        failed(world, waiting, ErrorClass.RETRYABLE)
        claimed(world, running)
        cancel(world)
        assert (job(world).status, stage(world).status) == (JobStatus.CANCELLED, StageStatus.CANCELLED)
        assert states(world, [waiting, queued, held_back]) == [TaskStatus.CANCELLED] * 3
        assert states(world, [running]) == [TaskStatus.PROCESSING]

    def test_a_stage_that_waits_to_be_settled_is_cancelled(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        cancel(world)
        assert stage(world).status is StageStatus.CANCELLED
        assert not world.use.stages.settle(settlement(), completion())
        assert states(world, [task_id]) == [TaskStatus.COMPLETED]

    def test_what_is_settled_stays_as_it_is(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        world.use.stages.settle(settlement(), stage_of(1, stage=2))
        cancel(world)
        assert (stage(world, 1).status, stage(world, 2).status) == (
            StageStatus.COMPLETED,
            StageStatus.CANCELLED,
        )

    def test_cancelling_again_changes_nothing(self, world: World) -> None:
        opened(world, 2)
        cancel(world)
        before = world.events()
        assert cancel(world) is ControlOutcome.DONE
        assert world.events() == before

    @pytest.mark.parametrize("end", [completion(), end_of_job()])
    def test_a_job_that_has_ended_otherwise_refuses(self, world: World, end: FinishJob) -> None:
        world.use.jobs.submit(new_job())
        world.use.jobs.finish(end)
        before = job(world)
        assert cancel(world) is ControlOutcome.REFUSED
        assert job(world) == before

    def test_a_job_that_is_not_there_is_not_cancelled(self, world: World) -> None:
        assert world.use.jobs.cancel("0" * 64, "why not") is None

    def test_a_running_task_learns_of_it_by_its_heartbeat_and_may_still_finish(self, world: World) -> None:
        (running,) = opened(world, 1)
        token = claimed(world, running)
        cancel(world)
        assert world.use.tasks.heartbeat([Heartbeat(running, token)]) == {token: LeaseState.CANCEL_REQUESTED}
        finish = world.use.tasks.finish(running, token, AttemptSucceeded({"done": True}))
        assert (finish.outcome, list(finish.outbox)) == (FinishOutcome.COMPLETED, [])
        assert (job(world).status, stage(world).status) == (JobStatus.CANCELLED, StageStatus.CANCELLED)

    def test_what_fails_in_a_cancelled_job_is_not_tried_again(self, world: World) -> None:
        (running,) = opened(world, 1)
        token = claimed(world, running)
        cancel(world)
        finish = world.use.tasks.finish(running, token, failure())
        assert (finish.outcome, list(finish.outbox)) == (FinishOutcome.FAILED, [])

    def test_a_task_lost_in_a_cancelled_job_is_not_tried_again(self, world: World) -> None:
        (running,) = opened(world, 1)
        claimed(world, running)
        cancel(world)
        world.pass_time(121)
        world.use.sweeps.sweep(10)
        assert states(world, [running]) == [TaskStatus.FAILED]

    def test_messages_of_a_cancelled_job_start_nothing(self, world: World) -> None:
        queued, _ = opened(world, 2)
        cancel(world)
        claim = world.use.tasks.claim(queued, 1, "worker-1", uuid4())
        assert claim.outcome is ClaimOutcome.FINAL
        assert not world.use.stages.open(stage_of(1, stage=2))
        assert world.waiting() == []

    def test_of_a_cancellation_and_an_end_at_once_one_counts(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        with ThreadPoolExecutor(2) as pool:
            told = pool.submit(told_among_others, world)
            settled = pool.submit(world.use.stages.settle, settlement(), completion())
        assert (told.result() is ControlOutcome.DONE) != settled.result()
        ended = JobStatus.COMPLETED if settled.result() else JobStatus.CANCELLED
        assert job(world).status is ended

    def test_a_cancellation_among_many_claims_leaves_nothing_waiting(self, world: World) -> None:
        tasks = opened(world, 40)

        def claim(task_id: str) -> ClaimOutcome:
            return world.use.tasks.claim(task_id, 1, "worker-1", uuid4()).outcome

        with ThreadPoolExecutor(8) as pool:
            outcomes = pool.map(claim, tasks)
            told = pool.submit(told_among_others, world)
            assert set(outcomes) <= {ClaimOutcome.CLAIMED, ClaimOutcome.FINAL, ClaimOutcome.SKIPPED}
        assert told.result() is ControlOutcome.DONE
        world.use.sweeps.sweep(100)
        ended = {TaskStatus.PROCESSING, TaskStatus.CANCELLED, TaskStatus.SKIPPED}
        assert set(states(world, tasks)) <= ended


class TestFail:
    def test_a_run_fails_with_its_stage_and_all_that_has_not_started(self, world: World) -> None:
        running, queued, held_back = opened(world, 3, max_parallel_tasks=2)
        claimed(world, running)
        assert world.use.jobs.fail(JOB_ID, 1, POISON)
        assert (job(world).status, job(world).error) == (JobStatus.FAILED, POISON)
        assert stage(world).status is StageStatus.FAILED
        assert states(world, [queued, held_back]) == [TaskStatus.SKIPPED] * 2
        assert states(world, [running]) == [TaskStatus.PROCESSING]

    def test_a_job_fails_before_its_first_stage_is_there(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        assert world.use.jobs.fail(JOB_ID, 1, POISON)
        assert job(world).status is JobStatus.FAILED

    def test_a_run_that_is_over_does_not_fail(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.use.jobs.finish(completion())
        assert not world.use.jobs.fail(JOB_ID, 1, POISON)
        assert job(world).status is JobStatus.COMPLETED

    def test_another_run_than_the_job_s_does_not_fail(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        assert not world.use.jobs.fail(JOB_ID, 2, POISON)
        assert not world.use.jobs.fail("0" * 64, 1, POISON)


def test_a_task_that_failed_before_does_not_change(world: World) -> None:
    first, _ = opened(world, 2)
    failed(world, first)
    cancel(world)
    assert states(world, [first]) == [TaskStatus.FAILED]
