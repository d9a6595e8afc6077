"""What every ``SweepRepository`` must do. What is older than five minutes counts as lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from schema.policies import ErrorClass, RetryPolicy
from schema.records import Heartbeat
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    claimed,
    end_of_job,
    failed,
    new_job,
    opened,
    settlement,
    stage_of,
    succeeded,
)
from tests.support.worlds import Waiting, World

ONE_ATTEMPT = RetryPolicy(attempts=1)


def repairs(world: World, limit: int = 100) -> dict[str, int]:
    """What a pass repaired, without what it had not to."""
    return {name: count for name, count in world.use.sweeps.sweep(limit).repairs.items() if count}


def status(world: World, task_id: str) -> TaskStatus:
    task = world.use.tasks.get(task_id)
    assert task is not None
    return task.status


class TestExpiredLeases:
    def test_a_lease_that_has_not_run_out_is_left_alone(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        world.pass_time(110)
        assert repairs(world) == {}

    def test_a_task_whose_lease_ran_out_is_tried_again_after_the_policy_s_delay(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        world.pass_time(121)
        assert repairs(world) == {"expired_leases": 1}
        task = world.use.tasks.get(task_id)
        assert task is not None
        assert (task.status, task.attempt) == (TaskStatus.QUEUED, 1)
        assert task.error is not None
        assert (task.error.code, task.error.error_class) == ("LEASE_EXPIRED", ErrorClass.LOST)

    def test_its_message_is_left_to_the_relay(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        claimed(world, task_id)
        world.pass_time(121)
        repairs(world)
        assert world.waiting() == [Waiting("task", 1, task_id, 2, claimed=False)]

    def test_after_the_last_attempt_the_task_failed_and_its_stage_ends(self, world: World) -> None:
        first, second = opened(world, 2, retry=ONE_ATTEMPT)
        claimed(world, first)
        world.pass_time(121)
        assert repairs(world) == {"expired_leases": 1, "unclosed_stages": 1}
        assert status(world, first) is TaskStatus.FAILED
        assert status(world, second) is TaskStatus.SKIPPED

    def test_a_lease_in_a_stage_that_is_ending_is_not_tried_again(self, world: World) -> None:
        first, second = opened(world, 2)
        claimed(world, second)
        failed(world, first)
        world.pass_time(121)
        assert repairs(world) == {"expired_leases": 1, "unclosed_stages": 1}
        assert status(world, second) is TaskStatus.FAILED

    def test_a_pass_repairs_no_more_than_its_limit(self, world: World) -> None:
        for task_id in opened(world, 5):
            claimed(world, task_id)
        world.pass_time(121)
        assert [repairs(world, limit=2) for _ in range(4)] == [
            {"expired_leases": 2},
            {"expired_leases": 2},
            {"expired_leases": 1},
            {},
        ]

    def test_of_two_passes_at_once_each_lease_is_repaired_once(self, world: World) -> None:
        tasks = opened(world, 20)
        for task_id in tasks:
            claimed(world, task_id)
        world.pass_time(121)
        with ThreadPoolExecutor(4) as pool:
            passes = list(pool.map(lambda _: repairs(world), range(4)))
        assert sum(repaired.get("expired_leases", 0) for repaired in passes) == 20
        assert len(world.waiting()) == 20


class TestUnclaimedTasks:
    def test_a_task_that_waits_for_less_is_left_alone(self, world: World) -> None:
        opened(world, 1)
        world.pass_time(290)
        assert repairs(world) == {}

    def test_a_message_nobody_claimed_is_sent_again(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        world.pass_time(301)
        assert repairs(world) == {"unclaimed_tasks": 1}
        assert world.waiting() == [Waiting("task", 1, task_id, 1, claimed=False)]

    def test_a_message_that_is_still_in_the_outbox_is_not_doubled(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.use.stages.open(stage_of(1))
        world.pass_time(301)
        assert repairs(world) == {}

    def test_it_is_sent_again_after_twice_as_long_each_time(self, world: World) -> None:
        opened(world, 1)
        world.pass_time(310)
        for passing in (280, 620, 1_300):
            assert repairs(world) == {"unclaimed_tasks": 1}
            world.clear_outbox()
            world.pass_time(passing)
            assert repairs(world) == {}
            world.pass_time(60)
        assert repairs(world) == {"unclaimed_tasks": 1}

    def test_it_is_sent_again_each_hour_however_long_it_waits(self, world: World) -> None:
        opened(world, 1, stage_timeout=timedelta(days=2))
        world.pass_time(10 * 3_600)
        assert repairs(world) == {"unclaimed_tasks": 1}
        world.clear_outbox()
        world.pass_time(3_500)
        assert repairs(world) == {}
        world.pass_time(200)
        assert repairs(world) == {"unclaimed_tasks": 1}

    def test_an_attempt_that_waits_for_its_time_counts_from_then(self, world: World) -> None:
        (task_id,) = opened(world, 1, retry=RetryPolicy(base_seconds=200, jitter=0))
        failed(world, task_id, ErrorClass.RETRYABLE)
        world.clear_outbox()
        world.pass_time(450)
        assert repairs(world) == {}
        world.pass_time(60)
        assert repairs(world) == {"unclaimed_tasks": 1}
        assert world.waiting() == [Waiting("task", 1, task_id, 2, claimed=False)]

    def test_a_task_that_is_held_back_has_no_message(self, world: World) -> None:
        opened(world, 3, max_parallel_tasks=1)
        world.pass_time(301)
        assert repairs(world) == {"unclaimed_tasks": 1}


class TestStalledJobs:
    def test_a_job_whose_first_message_was_lost_is_woken(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        world.pass_time(290)
        assert repairs(world) == {}
        world.pass_time(20)
        assert repairs(world) == {"stalled_jobs": 1}
        assert world.waiting() == [Waiting("job", 1, None, None, claimed=False)]

    def test_a_job_whose_closed_stage_nobody_settled_is_woken(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        world.pass_time(1_000)
        succeeded(world, task_id)
        world.clear_outbox()
        assert repairs(world) == {}
        world.pass_time(301)
        assert repairs(world) == {"stalled_jobs": 1}
        assert world.waiting() == [Waiting("job", 1, None, None, claimed=False)]

    def test_the_message_names_the_stage_that_the_job_is_at(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        succeeded(world, task_id)
        world.use.stages.settle(settlement(), stage_of(0, stage=2))
        world.clear_outbox()
        world.pass_time(301)
        repairs(world)
        assert world.waiting() == [Waiting("job", 2, None, None, claimed=False)]

    def test_it_is_woken_once_in_five_minutes(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        world.pass_time(301)
        repairs(world)
        world.clear_outbox()
        assert repairs(world) == {}

    def test_a_job_with_an_open_stage_is_left_alone(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = claimed(world, task_id)
        for _ in range(5):
            world.pass_time(100)
            world.use.tasks.heartbeat([Heartbeat(task_id, token)])
        assert repairs(world) == {}

    def test_a_job_that_has_ended_is_left_alone(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.use.jobs.finish(end_of_job())
        world.clear_outbox()
        world.pass_time(10_000)
        assert repairs(world) == {}


def test_a_stage_in_which_nothing_is_unfinished_is_closed(world: World) -> None:
    first, second = opened(world, 2, retry=ONE_ATTEMPT)
    succeeded(world, first)
    claimed(world, second)
    world.pass_time(121)
    assert repairs(world) == {"expired_leases": 1, "unclosed_stages": 1}
    stage = world.use.stages.get(JOB_ID, 1, 1)
    assert stage is not None
    assert stage.status is StageStatus.CLOSING
    assert world.waiting() == [Waiting("job", 1, None, None, claimed=False)]


def test_a_job_is_not_ended_by_a_sweep(world: World) -> None:
    (task_id,) = opened(world, 1, retry=ONE_ATTEMPT)
    claimed(world, task_id)
    world.pass_time(121)
    repairs(world)
    job = world.use.jobs.get(JOB_ID)
    assert job is not None
    assert job.status is JobStatus.PROCESSING


def test_each_pass_is_on_record(world: World) -> None:
    first = world.use.sweeps.sweep(10)
    (task_id,) = opened(world, 1)
    claimed(world, task_id)
    world.pass_time(121)
    second = world.use.sweeps.sweep(10)
    assert list(world.sweeps()) == [first.repairs, second.repairs]
    assert second.repairs["expired_leases"] == 1
