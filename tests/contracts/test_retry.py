"""What every ``JobRepository`` must do where a job is retried."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from schema.policies import ErrorClass, RetryPolicy
from schema.records import AttemptSucceeded, Control, ControlOutcome, FinishOutcome, Heartbeat, LeaseState
from schema.results import ErrorDetail
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    TOLERANT,
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
    task,
)
from tests.support.worlds import Waiting, World

COMPLETED, QUEUED, PENDING = TaskStatus.COMPLETED, TaskStatus.QUEUED, TaskStatus.PENDING
POISON = ErrorDetail(code="UNHANDLED_POISON", message="it never went well")


def retry(world: World) -> Control:
    control = world.use.jobs.retry(JOB_ID, "corr-2")
    assert control is not None
    assert control.job == job(world)
    return control


def fail_stage(world: World) -> None:
    """Settle the closing stage as failed, and with it the job."""
    assert world.use.stages.settle(settlement(status=StageStatus.FAILED), end_of_job())
    world.clear_outbox()


class TestFailedStage:
    def test_only_what_failed_or_never_started_runs_again(self, world: World) -> None:
        tasks = opened(world, 4, max_parallel_tasks=2)
        succeeded(world, tasks[0])
        failed(world, tasks[1])
        world.clear_outbox()
        fail_stage(world)
        assert retry(world).outcome is ControlOutcome.DONE
        assert states(world, tasks) == [COMPLETED, QUEUED, QUEUED, PENDING]
        assert [row.task_id for row in world.waiting()] == tasks[1:3]

    def test_the_job_and_its_stage_go_on_as_if_nothing_had_been(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id)
        fail_stage(world)
        retry(world)
        row, resumed = job(world), stage(world)
        assert (row.status, row.run, row.stage, row.error) == (JobStatus.PROCESSING, 1, 1, None)
        assert (row.finished_at, row.correlation_id) == (None, "corr-2")
        assert (resumed.status, resumed.result, resumed.closed_at) == (StageStatus.OPEN, None, None)
        assert (resumed.completed, resumed.failed, resumed.retries) == (0, 0, 0)

    def test_a_task_gets_the_policy_s_attempts_anew_and_no_old_message_fits(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id)
        fail_stage(world)
        retry(world)
        row = task(world, task_id)
        assert (row.attempt, row.max_attempts, row.error) == (1, 4, None)
        assert world.waiting() == [Waiting("task", 1, task_id, 2, claimed=False)]

    def test_the_stage_closes_and_the_job_goes_on(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id)
        fail_stage(world)
        retry(world)
        finish = succeeded(world, task_id, attempt=2)
        assert [(row.kind, row.stage) for row in finish.outbox] == [("job", 1)]
        assert world.use.stages.settle(settlement(round_=2), completion())
        assert job(world).status is JobStatus.COMPLETED

    def test_of_a_thousand_tasks_only_the_failed_ones_run_again(self, world: World) -> None:
        tasks = opened(world, 1_000, max_parallel_tasks=1_000, failure=TOLERANT)
        broken = tasks[::100]
        for task_id in broken:
            failed(world, task_id)
        for task_id in tasks[1:50]:
            succeeded(world, task_id)
        world.use.jobs.fail(JOB_ID, 1, POISON)
        world.clear_outbox()
        retry(world)
        again = [task_id for task_id in tasks if task_id not in tasks[1:50]]
        assert [row.task_id for row in world.waiting()] == again
        assert states(world, tasks[1:50]) == [COMPLETED] * 49

    def test_the_stage_s_deadline_is_set_anew(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        failed(world, task_id)
        fail_stage(world)
        world.pass_time(3_700)
        retry(world)
        assert world.use.sweeps.sweep(10).repairs["deadlines"] == 0

    def test_a_stage_before_is_not_touched(self, world: World) -> None:
        (first,) = opened(world, 1)
        succeeded(world, first)
        world.use.stages.settle(settlement(), stage_of(1, stage=2))
        (second,) = stage_of(1, stage=2).tasks
        failed(world, second.task_id)
        world.use.stages.settle(settlement(2, StageStatus.FAILED), end_of_job())
        before = stage(world, 1)
        retry(world)
        assert stage(world, 1) == before
        assert states(world, [first, second.task_id]) == [COMPLETED, QUEUED]


class TestCancelledJob:
    def test_what_still_runs_goes_on_and_takes_its_place_of_the_window(self, world: World) -> None:
        running, *others = opened(world, 4, max_parallel_tasks=2)
        token = claimed(world, running)
        world.use.jobs.cancel(JOB_ID, "for a while")
        retry(world)
        assert states(world, [running, *others]) == [TaskStatus.PROCESSING, QUEUED, PENDING, PENDING]
        assert world.use.tasks.heartbeat([Heartbeat(running, token)]) == {token: LeaseState.HELD}
        finish = world.use.tasks.finish(running, token, AttemptSucceeded({}))
        assert finish.outcome is FinishOutcome.COMPLETED
        assert [row.task_id for row in finish.outbox] == others[1:2]

    def test_the_last_that_still_runs_closes_the_stage(self, world: World) -> None:
        (running,) = opened(world, 1)
        token = claimed(world, running)
        world.use.jobs.cancel(JOB_ID, "for a while")
        assert list(retry(world).outbox) == []
        finish = world.use.tasks.finish(running, token, AttemptSucceeded({}))
        assert [row.kind for row in finish.outbox] == ["job"]

    def test_what_stopped_for_the_cancellation_is_tried_again(self, world: World) -> None:
        (running,) = opened(world, 1, retry=RetryPolicy(attempts=1, base_seconds=10, jitter=0))
        token = claimed(world, running)
        world.use.jobs.cancel(JOB_ID, "for a while")
        world.pass_time(1)
        retry(world)
        finish = world.use.tasks.finish(running, token, failure(ErrorClass.CANCELLED))
        assert finish.outcome is FinishOutcome.RETRYING
        row = task(world, running)
        assert (row.status, row.attempt, row.max_attempts) == (QUEUED, 1, 2)

    def test_what_stops_of_itself_after_it_is_cancelled(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        world.use.jobs.cancel(JOB_ID, "for a while")
        retry(world)
        world.pass_time(1)
        assert failed(world, task_id, ErrorClass.CANCELLED).outcome is FinishOutcome.CANCELLED

    def test_a_job_that_was_never_planned_is_planned(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        world.use.jobs.cancel(JOB_ID, "for a while")
        control = retry(world)
        assert control.job.status is JobStatus.QUEUED
        assert [(row.kind, row.stage, row.correlation_id) for row in control.outbox] == [("job", 1, "corr-2")]
        assert world.waiting() == [Waiting("job", 1, None, None, claimed=True)]
        assert world.use.stages.open(stage_of(1))

    def test_a_stage_of_which_all_is_done_is_decided_anew(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        world.clear_outbox()
        world.use.jobs.cancel(JOB_ID, "for a while")
        control = retry(world)
        assert [(row.kind, row.stage) for row in control.outbox] == [("job", 1)]
        assert (stage(world).status, job(world).status) == (StageStatus.CLOSING, JobStatus.PROCESSING)
        assert states(world, [task_id]) == [COMPLETED]


class TestDecidedFailure:
    """The stage was settled, and its controller failed the job."""

    def test_a_completed_stage_is_decided_anew(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        world.use.stages.settle(settlement(), end_of_job())
        world.clear_outbox()
        control = retry(world)
        assert [(row.kind, row.stage) for row in control.outbox] == [("job", 1)]
        assert (stage(world).status, stage(world).result) == (StageStatus.CLOSING, None)
        assert world.use.stages.settle(settlement(round_=2), completion())

    def test_what_was_decided_before_is_void(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        world.use.stages.settle(settlement(), end_of_job())
        retry(world)
        assert not world.use.stages.settle(settlement(), completion())

    def test_of_a_stage_with_tolerated_failures_those_run_again(self, world: World) -> None:
        first, second = opened(world, 2, failure=TOLERANT)
        succeeded(world, first)
        failed(world, second)
        world.use.stages.settle(settlement(status=StageStatus.COMPLETED_WITH_ERRORS), end_of_job())
        assert list(retry(world).outbox) == []
        assert (stage(world).status, states(world, [first, second])) == (
            StageStatus.OPEN,
            [COMPLETED, QUEUED],
        )

    def test_a_stage_of_no_tasks_is_decided_anew(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.use.stages.open(stage_of(0))
        world.use.stages.settle(settlement(), end_of_job())
        assert [row.kind for row in retry(world).outbox] == ["job"]
        assert stage(world).status is StageStatus.CLOSING

    def test_a_job_whose_first_plan_failed_is_planned_anew(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.use.jobs.finish(end_of_job())
        world.clear_outbox()
        control = retry(world)
        assert (control.job.status, [row.kind for row in control.outbox]) == (JobStatus.QUEUED, ["job"])


class TestRefused:
    def test_a_job_that_waits_or_works_is_not_retried(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        assert retry(world).outcome is ControlOutcome.REFUSED
        world.use.stages.open(stage_of(1))
        assert retry(world).outcome is ControlOutcome.REFUSED

    @pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS])
    def test_a_job_that_is_done_is_not_retried(self, world: World, status: JobStatus) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        world.use.stages.settle(settlement(), type(completion())(JOB_ID, 1, status, {}))
        before = world.events()
        control = retry(world)
        assert (control.outcome, list(control.outbox)) == (ControlOutcome.REFUSED, [])
        assert (job(world).status, world.events()) == (status, before)

    def test_a_job_that_is_not_there_is_not_retried(self, world: World) -> None:
        assert world.use.jobs.retry("0" * 64, "corr-2") is None

    def test_of_many_retries_at_once_one_counts(self, world: World) -> None:
        tasks = opened(world, 10)
        world.use.jobs.cancel(JOB_ID, "for a while")
        with ThreadPoolExecutor(8) as pool:
            controls = list(pool.map(lambda _: world.use.jobs.retry(JOB_ID, "corr-2"), range(8)))
        outcomes = [control.outcome for control in controls if control is not None]
        assert outcomes.count(ControlOutcome.DONE) == 1
        assert [row.task_id for row in world.waiting()] == tasks


def test_the_window_is_respected(world: World) -> None:
    tasks = opened(world, 5, max_parallel_tasks=2)
    world.use.jobs.cancel(JOB_ID, "for a while")
    retry(world)
    assert states(world, tasks) == [QUEUED, QUEUED, PENDING, PENDING, PENDING]
    assert [row.task_id for row in world.waiting()] == tasks[:2]
