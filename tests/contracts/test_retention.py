"""What every ``RetentionRepository`` must do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schema.records import FinishJob
from schema.states import JobStatus
from tests.contracts.steps import completion, new_job, opened, settlement, stage_of, succeeded
from tests.contracts.test_dead_letters import LETTER
from tests.support.worlds import World

DAY = timedelta(days=1)


def job_id(number: int) -> str:
    return str(number) * 64


def ended(world: World, number: int, tasks: int = 1) -> str:
    """A job that has completed all of its only stage."""
    ids = opened(world, tasks, job_id(number))
    for task_id in ids:
        succeeded(world, task_id)
    done = replace(settlement(), job_id=job_id(number))
    assert world.use.stages.settle(done, completion(job_id(number)))
    return ids[0] if ids else ""


class TestExpiredJobs:
    def test_jobs_that_ended_longer_ago_expire_oldest_first(self, world: World) -> None:
        for number in (3, 1, 2):
            ended(world, number)
            world.pass_time(60)
        world.pass_time(DAY.total_seconds() - 90)
        assert list(world.use.retention.expired_jobs(DAY, 10)) == [job_id(3), job_id(1)]

    def test_no_more_are_named_than_asked_for(self, world: World) -> None:
        for number in range(3):
            ended(world, number)
            world.pass_time(1)
        world.pass_time(DAY.total_seconds())
        assert list(world.use.retention.expired_jobs(DAY, 2)) == [job_id(0), job_id(1)]

    def test_no_more_are_named_than_have_so_many_tasks_but_one_at_least(self, world: World) -> None:
        for number, tasks in enumerate([2, 1, 5]):
            ended(world, number, tasks)
            world.pass_time(1)
        world.pass_time(DAY.total_seconds())
        assert list(world.use.retention.expired_jobs(DAY, 10, 3)) == [job_id(0), job_id(1)]
        assert list(world.use.retention.expired_jobs(DAY, 10, 1)) == [job_id(0)]
        assert len(world.use.retention.expired_jobs(DAY, 10, 8)) == 3

    def test_a_job_that_waits_or_works_never_expires(self, world: World) -> None:
        world.use.jobs.submit(new_job(job_id(1)))
        opened(world, 1, job_id(2))
        ended(world, 3)
        world.pass_time(10 * DAY.total_seconds())
        world.use.jobs.rerun(job_id(3), "corr-2")
        assert list(world.use.retention.expired_jobs(DAY, 10)) == []

    def test_what_would_go_is_counted(self, world: World) -> None:
        ended(world, 1)
        events = len(world.events())
        world.pass_time(DAY.total_seconds() + 1)
        ended(world, 2)
        assert world.use.retention.count_expired(DAY, 10) == (1, events)
        assert world.use.retention.count_expired(DAY, 0) == (0, 0)


class TestRemoveJobs:
    def test_a_job_goes_with_all_that_is_its(self, world: World) -> None:
        task_id = ended(world, 1)
        world.use.dead_letters.record(replace(LETTER, job_id=job_id(1)))
        events = len(world.events())
        assert world.use.retention.remove_jobs([job_id(1)]) == (1, events)
        seen = world.snapshot()
        assert (seen.jobs, seen.stages, seen.tasks, seen.outbox) == ([], [], [], 0)
        assert (world.events(), list(world.use.dead_letters.list(10))) == ([], [])
        assert world.use.tasks.get(task_id) is None

    def test_other_jobs_stay_as_they_are(self, world: World) -> None:
        ended(world, 1)
        ended(world, 2)
        world.use.dead_letters.record(replace(LETTER, job_id=None))
        others = [event for event in world.events() if job_id(2) in event.subject]
        world.use.retention.remove_jobs([job_id(1)])
        assert world.use.jobs.get(job_id(2)) is not None
        assert [event for event in world.events() if job_id(2) in event.subject] == others
        assert len(world.use.dead_letters.list(10)) == 1

    def test_a_job_that_was_taken_up_again_stays(self, world: World) -> None:
        ended(world, 1)
        world.use.jobs.rerun(job_id(1), "corr-2")
        assert world.use.retention.remove_jobs([job_id(1)]) == (0, 0)
        assert world.use.jobs.get(job_id(1)) is not None

    def test_all_runs_of_a_job_go(self, world: World) -> None:
        ended(world, 1)
        world.use.jobs.rerun(job_id(1), "corr-2")
        world.use.stages.open(stage_of(2, job_id(1), run=2))
        world.use.jobs.cancel(job_id(1), "no longer needed")
        jobs, _ = world.use.retention.remove_jobs([job_id(1)])
        assert (jobs, world.snapshot().tasks) == (1, [])

    def test_a_job_may_be_submitted_anew_then(self, world: World) -> None:
        ended(world, 1)
        world.use.retention.remove_jobs([job_id(1)])
        assert world.use.jobs.submit(new_job(job_id(1))).created

    def test_removing_none_is_nothing(self, world: World) -> None:
        ended(world, 1)
        assert world.use.retention.remove_jobs([]) == (0, 0)
        assert world.use.retention.remove_jobs([job_id(9)]) == (0, 0)


class TestRecords:
    @pytest.fixture(autouse=True)
    def records(self, world: World) -> None:
        """Three old dead letters and sweeps, one of each that is not."""
        for number in range(3):
            world.use.dead_letters.record(replace(LETTER, message_id=f"old-{number}", job_id=None))
            world.use.sweeps.sweep(1)
        world.pass_time(DAY.total_seconds() + 1)
        world.use.dead_letters.record(replace(LETTER, message_id="new", job_id=None))
        world.use.sweeps.sweep(1)

    def test_old_ones_are_counted_and_stay(self, world: World) -> None:
        assert world.use.retention.remove_records(DAY, 10, dry_run=True) == (3, 3)
        assert (len(world.use.dead_letters.list(10)), len(world.sweeps())) == (4, 4)

    def test_old_ones_go(self, world: World) -> None:
        assert world.use.retention.remove_records(DAY, 10, dry_run=False) == (3, 3)
        assert [letter.message_id for letter in world.use.dead_letters.list(10)] == ["new"]
        assert len(world.sweeps()) == 1

    def test_no_more_go_than_asked_for(self, world: World) -> None:
        assert world.use.retention.remove_records(DAY, 2, dry_run=False) == (2, 2)
        assert world.use.retention.remove_records(DAY, 2, dry_run=False) == (1, 1)
        assert world.use.retention.remove_records(DAY, 2, dry_run=False) == (0, 0)

    def test_one_that_was_seen_again_is_not_old(self, world: World) -> None:
        world.use.dead_letters.record(replace(LETTER, message_id="old-1", job_id=None))
        assert world.use.retention.remove_records(DAY, 10, dry_run=False) == (2, 3)


def test_a_failed_job_expires_as_any_other(world: World) -> None:
    world.use.jobs.submit(new_job(job_id(1)))
    world.use.jobs.finish(FinishJob(job_id(1), 1, JobStatus.FAILED))
    world.pass_time(DAY.total_seconds() + 1)
    assert list(world.use.retention.expired_jobs(DAY, 10)) == [job_id(1)]
