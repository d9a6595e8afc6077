"""What every ``SweepRepository`` must do about deadlines, runs that are over, and windows with room."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from schema.records import AttemptSucceeded, Heartbeat, LeaseState
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    TOLERANT,
    claimed,
    end_of_job,
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
from tests.contracts.test_sweep_repository import repairs
from tests.support.worlds import Waiting, World


class TestDeadlines:
    def test_a_job_past_its_deadline_fails_with_all_that_has_not_started(self, world: World) -> None:
        world.use.jobs.submit(new_job(timeout=timedelta(minutes=10)))
        running, queued, held_back = opened(world, 3, max_parallel_tasks=2)
        token = claimed(world, running)
        for _ in range(7):
            world.pass_time(100)
            world.use.tasks.heartbeat([Heartbeat(running, token)])
        assert repairs(world) == {"deadlines": 1}
        row = job(world)
        assert row.error is not None
        assert (row.status, row.error.code, row.error.stage) == (JobStatus.FAILED, "JOB_TIMED_OUT", 1)
        assert stage(world).status is StageStatus.FAILED
        assert states(world, [queued, held_back]) == [TaskStatus.SKIPPED] * 2
        assert states(world, [running]) == [TaskStatus.PROCESSING]

    def test_a_job_past_its_stage_s_deadline_fails(self, world: World) -> None:
        opened(world, 1, stage_timeout=timedelta(minutes=4))
        world.pass_time(241)
        assert repairs(world) == {"deadlines": 1}
        row = job(world)
        assert row.error is not None
        assert (row.status, row.error.code) == (JobStatus.FAILED, "STAGE_TIMED_OUT")

    def test_a_job_whose_stage_nobody_settled_in_time_fails(self, world: World) -> None:
        (task_id,) = opened(world, 1, stage_timeout=timedelta(minutes=4))
        succeeded(world, task_id)
        world.pass_time(241)
        assert repairs(world) == {"deadlines": 1}
        assert stage(world).status is StageStatus.FAILED

    def test_a_job_that_was_never_planned_fails(self, world: World) -> None:
        world.use.jobs.submit(new_job(timeout=timedelta(minutes=4)))
        world.pass_time(241)
        assert repairs(world) == {"deadlines": 1}
        assert job(world).status is JobStatus.FAILED

    def test_a_job_within_its_deadlines_is_left_alone(self, world: World) -> None:
        world.use.jobs.submit(new_job(timeout=timedelta(minutes=4)))
        world.pass_time(239)
        assert repairs(world) == {}

    def test_the_deadline_of_a_settled_stage_does_not_count(self, world: World) -> None:
        (task_id,) = opened(world, 1, stage_timeout=timedelta(minutes=4))
        succeeded(world, task_id)
        world.use.stages.settle(settlement(), stage_of(1, stage=2))
        world.pass_time(241)
        assert repairs(world) == {}

    def test_a_job_that_has_ended_has_no_deadline(self, world: World) -> None:
        world.use.jobs.submit(new_job(timeout=timedelta(minutes=4)))
        world.use.jobs.finish(end_of_job())
        world.pass_time(10_000)
        assert repairs(world) == {}

    def test_the_worker_of_a_late_job_is_told_to_stop(self, world: World) -> None:
        world.use.jobs.submit(new_job(timeout=timedelta(seconds=100)))
        (running,) = opened(world, 1)
        token = claimed(world, running)
        world.pass_time(101)
        repairs(world)
        assert world.use.tasks.heartbeat([Heartbeat(running, token)]) == {token: LeaseState.CANCEL_REQUESTED}

    def test_a_pass_fails_no_more_jobs_than_its_limit(self, world: World) -> None:
        for number in range(5):
            world.use.jobs.submit(new_job(str(number) * 64, timeout=timedelta(seconds=1)))
        world.pass_time(2)
        assert [repairs(world, limit=2) for _ in range(4)] == [
            {"deadlines": 2},
            {"deadlines": 2},
            {"deadlines": 1},
            {},
        ]


class TestEndedRuns:
    def test_what_waits_in_a_run_that_is_over_is_cancelled(self, world: World) -> None:
        running, queued, held_back = opened(world, 3, max_parallel_tasks=2)
        claimed(world, running)
        world.use.jobs.finish(end_of_job())
        assert repairs(world) == {"ended_runs": 2}
        assert states(world, [running, queued, held_back]) == [
            TaskStatus.PROCESSING,
            TaskStatus.CANCELLED,
            TaskStatus.CANCELLED,
        ]
        assert repairs(world) == {}

    def test_what_waits_in_an_earlier_run_is_cancelled(self, world: World) -> None:
        (queued,) = opened(world, 1)
        world.use.jobs.finish(end_of_job())
        world.use.jobs.rerun(JOB_ID, "corr-2")
        world.use.stages.open(stage_of(1, run=2))
        assert repairs(world) == {"ended_runs": 1, "unclosed_stages": 1}
        assert states(world, [queued]) == [TaskStatus.CANCELLED]
        assert states(world, [stage_of(1, run=2).tasks[0].task_id]) == [TaskStatus.QUEUED]

    def test_a_pass_cancels_no_more_than_its_limit(self, world: World) -> None:
        opened(world, 5)
        world.use.jobs.finish(end_of_job())
        assert [repairs(world, limit=2) for _ in range(4)] == [
            {"ended_runs": 2},
            {"ended_runs": 2},
            {"ended_runs": 1, "unclosed_stages": 1},
            {},
        ]


class TestHeldBack:
    @pytest.fixture
    def leaking(self, world: World) -> list[str]:
        """Four tasks, one place: the last runs on through a cancellation and its retry, and ends then."""
        tasks = opened(world, 4, max_parallel_tasks=4, failure=TOLERANT)
        token = claimed(world, tasks[3])
        world.use.jobs.cancel(JOB_ID, "for a while")
        world.narrow(JOB_ID, places=1)
        world.use.jobs.retry(JOB_ID, "corr-2")
        assert states(world, tasks[:3]) == [TaskStatus.PENDING] * 3
        world.use.tasks.finish(tasks[3], token, AttemptSucceeded({}))
        world.clear_outbox()
        return tasks

    def test_what_is_held_back_though_there_is_room_is_released(
        self, world: World, leaking: list[str]
    ) -> None:
        assert repairs(world) == {"held_back": 1}
        assert states(world, leaking[:3]) == [TaskStatus.QUEUED, TaskStatus.PENDING, TaskStatus.PENDING]
        assert world.waiting() == [Waiting("task", 1, leaking[0], 1, claimed=False)]

    @pytest.mark.usefixtures("leaking")
    def test_a_second_pass_releases_nothing(self, world: World) -> None:
        repairs(world)
        assert repairs(world) == {}

    @pytest.mark.usefixtures("leaking")
    def test_of_two_passes_at_once_the_window_is_filled_once(self, world: World) -> None:
        with ThreadPoolExecutor(4) as pool:
            passes = list(pool.map(lambda _: repairs(world), range(4)))
        assert sum(repaired.get("held_back", 0) for repaired in passes) == 1

    def test_a_full_window_is_left_alone(self, world: World) -> None:
        opened(world, 3, max_parallel_tasks=1)
        assert repairs(world) == {}

    def test_a_stage_that_is_ending_is_left_alone(self, world: World) -> None:
        first, running, _ = opened(world, 3, max_parallel_tasks=2)
        claimed(world, running)
        token = claimed(world, first)
        world.use.tasks.finish(first, token, failure())
        assert repairs(world) == {}

    def test_a_pass_releases_no_more_than_its_limit(self, world: World) -> None:
        for number in range(3):
            opened(world, 4, str(number) * 64, max_parallel_tasks=1)
            world.narrow(str(number) * 64, places=3)
        assert [repairs(world, limit=4) for _ in range(3)] == [{"held_back": 4}, {"held_back": 2}, {}]


class TestFailingRepair:
    def test_one_that_fails_does_not_keep_the_others_from_running(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        world.pass_time(121)
        world.break_repair("expired_leases")
        world.use.jobs.submit(new_job("1" * 64, timeout=timedelta(seconds=1)))
        world.pass_time(2)
        report = world.use.sweeps.sweep(10)
        assert set(report.errors) == {"expired_leases"}
        assert "expired_leases" not in report.repairs
        assert report.repairs["deadlines"] == 1

    def test_it_is_on_record(self, world: World) -> None:
        world.break_repair("held_back")
        report = world.use.sweeps.sweep(10)
        assert list(world.sweeps()) == [report.repairs]
        (error,) = world.sweep_errors()
        assert error == f"held_back: {report.errors['held_back']}"

    def test_a_pass_in_which_none_failed_has_no_error(self, world: World) -> None:
        assert world.use.sweeps.sweep(10).errors == {}
        assert list(world.sweep_errors()) == [None]
