"""What every ``JobRepository`` must do where a job is run again."""

from dataclasses import replace
from uuid import uuid4

import pytest

from schema.records import (
    AttemptSucceeded,
    ClaimOutcome,
    Control,
    ControlOutcome,
    FinishOutcome,
    Heartbeat,
    LeaseState,
)
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    claimed,
    completion,
    end_of_job,
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


def rerun(world: World) -> Control:
    control = world.use.jobs.rerun(JOB_ID, "corr-2")
    assert control is not None
    assert control.job == job(world)
    return control


@pytest.fixture
def completed(world: World) -> str:
    """The only task of a job that has completed."""
    (task_id,) = opened(world, 1)
    succeeded(world, task_id)
    world.use.stages.settle(settlement(), completion())
    world.clear_outbox()
    return task_id


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS, JobStatus.FAILED])
def test_a_job_that_has_ended_starts_its_next_run(world: World, status: JobStatus) -> None:
    opened(world, 0)
    world.use.stages.settle(settlement(), replace(end_of_job(), status=status))
    world.clear_outbox()
    control = rerun(world)
    assert control.outcome is ControlOutcome.DONE
    row = control.job
    assert (row.status, row.run, row.stage, row.correlation_id) == (JobStatus.QUEUED, 2, 1, "corr-2")
    assert (row.result, row.error, row.started_at, row.finished_at) == (None, None, None, None)


def test_a_cancelled_job_may_run_again(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.jobs.cancel(JOB_ID, "for a while")
    assert rerun(world).outcome is ControlOutcome.DONE


@pytest.mark.usefixtures("completed")
def test_its_message_plans_the_first_stage_of_the_new_run(world: World) -> None:
    (row,) = rerun(world).outbox
    assert (row.kind, row.run, row.stage, row.correlation_id) == ("job", 2, 1, "corr-2")
    assert world.waiting() == [Waiting("job", 1, None, None, claimed=True)]


def test_the_run_before_stays_on_record(world: World, completed: str) -> None:
    before, history = stage(world), world.events()
    rerun(world)
    assert world.use.stages.open(stage_of(1, run=2))
    assert stage(world) == before
    assert states(world, [completed]) == [TaskStatus.COMPLETED]
    assert world.events()[: len(history)] == history
    assert stage(world, run=2).status is StageStatus.OPEN


def test_a_job_that_waits_or_works_is_not_run_again(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert rerun(world).outcome is ControlOutcome.REFUSED
    world.use.stages.open(stage_of(1))
    assert rerun(world).outcome is ControlOutcome.REFUSED
    assert job(world).run == 1


def test_a_job_that_is_not_there_is_not_run_again(world: World) -> None:
    assert world.use.jobs.rerun("0" * 64, "corr-2") is None


class TestOldRun:
    """A task of run 1 still runs while run 2 is under way."""

    @pytest.fixture
    def running(self, world: World) -> str:
        running, _ = opened(world, 2)
        return running

    def test_its_worker_is_told_to_stop(self, world: World, running: str) -> None:
        token = claimed(world, running)
        self.start_again(world)
        assert world.use.tasks.heartbeat([Heartbeat(running, token)]) == {token: LeaseState.CANCEL_REQUESTED}

    def test_what_it_ends_with_changes_nothing_of_the_new_run(self, world: World, running: str) -> None:
        token = claimed(world, running)
        self.start_again(world)
        before, waiting = (job(world), stage(world, run=2)), world.waiting()
        finish = world.use.tasks.finish(running, token, AttemptSucceeded({}))
        assert (finish.outcome, list(finish.outbox)) == (FinishOutcome.COMPLETED, [])
        assert ((job(world), stage(world, run=2)), world.waiting()) == (before, waiting)

    def test_its_messages_start_nothing(self, world: World, running: str) -> None:
        self.start_again(world)
        claim = world.use.tasks.claim(running, 1, "worker-1", uuid4())
        assert claim.outcome is ClaimOutcome.FINAL
        assert list(world.use.stages.close(JOB_ID, 1, 1)) == []

    @pytest.mark.usefixtures("running")
    def test_its_plans_and_decisions_change_nothing(self, world: World) -> None:
        self.start_again(world)
        assert not world.use.stages.open(stage_of(1, stage=2))
        assert not world.use.stages.settle(settlement(), completion())
        assert not world.use.jobs.finish(completion())
        assert job(world).status is JobStatus.PROCESSING

    def test_its_lost_lease_is_not_tried_again(self, world: World, running: str) -> None:
        claimed(world, running)
        self.start_again(world)
        world.pass_time(121)
        world.use.sweeps.sweep(10)
        assert task(world, running).status is TaskStatus.FAILED
        assert stage(world, run=2).status is StageStatus.OPEN

    def start_again(self, world: World) -> None:
        world.use.jobs.cancel(JOB_ID, "for a while")
        rerun(world)
        assert world.use.stages.open(stage_of(1, run=2))
