"""What every ``TaskRepository`` must do for workers at work and for readers."""

import pytest

from schema.identity import task_id_of
from schema.policies import RetryPolicy
from schema.records import AttemptSucceeded, Heartbeat, LeaseState
from tests.contracts.steps import (
    JOB_ID,
    claimed,
    end_of_job,
    failed,
    new_job,
    opened,
    stage_of,
)
from tests.support.worlds import World


class TestHeartbeat:
    def test_a_lease_that_is_held_is_extended(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = claimed(world, task_id)
        world.pass_time(100)
        assert world.use.tasks.heartbeat([Heartbeat(task_id, token)]) == {token: LeaseState.HELD}
        world.pass_time(100)
        assert world.use.sweeps.sweep(10).repairs["expired_leases"] == 0

    def test_progress_is_stored_and_kept_where_none_is_told(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = claimed(world, task_id)
        world.use.tasks.heartbeat([Heartbeat(task_id, token, 0.25)])
        world.use.tasks.heartbeat([Heartbeat(task_id, token)])
        assert world.progress_of(task_id) == 0.25

    def test_a_task_that_has_ended_is_lost(self, world: World) -> None:
        first, _ = opened(world, 2)
        token = claimed(world, first)
        world.use.tasks.finish(first, token, AttemptSucceeded({}))
        assert world.use.tasks.heartbeat([Heartbeat(first, token)]) == {token: LeaseState.LOST}

    def test_a_task_that_went_to_another_worker_is_lost(self, world: World) -> None:
        (task_id,) = opened(world, 1, retry=RetryPolicy(base_seconds=0))
        old = claimed(world, task_id)
        world.pass_time(121)
        world.use.sweeps.sweep(10)
        new = claimed(world, task_id, attempt=2)
        beats = [Heartbeat(task_id, old), Heartbeat(task_id, new)]
        assert world.use.tasks.heartbeat(beats) == {old: LeaseState.LOST, new: LeaseState.HELD}

    def test_a_worker_learns_that_its_stage_is_ending(self, world: World) -> None:
        first, second = opened(world, 2)
        token = claimed(world, second)
        failed(world, first)
        assert world.use.tasks.heartbeat([Heartbeat(second, token)]) == {token: LeaseState.CANCEL_REQUESTED}

    def test_a_worker_learns_that_its_job_has_ended(self, world: World) -> None:
        (task_id,) = opened(world, 1)
        token = claimed(world, task_id)
        world.use.jobs.finish(end_of_job())
        assert world.use.tasks.heartbeat([Heartbeat(task_id, token)]) == {token: LeaseState.CANCEL_REQUESTED}

    def test_many_leases_are_extended_at_once(self, world: World) -> None:
        tasks = opened(world, 3)
        tokens = [claimed(world, task_id) for task_id in tasks]
        beats = [Heartbeat(task_id, token) for task_id, token in zip(tasks, tokens, strict=True)]
        assert world.use.tasks.heartbeat(beats) == dict.fromkeys(tokens, LeaseState.HELD)


class TestReading:
    def test_a_task_is_found_by_its_stage_and_index(self, world: World) -> None:
        _, second = opened(world, 2)
        found = world.use.tasks.find(JOB_ID, 1, 1, "1")
        assert found is not None
        assert found.task_id == second

    @pytest.mark.parametrize(("run", "stage", "index"), [(2, 1, "0"), (1, 2, "0"), (1, 1, "5")])
    def test_no_task_is_found_elsewhere(self, world: World, run: int, stage: int, index: str) -> None:
        opened(world, 1)
        assert world.use.tasks.find(JOB_ID, run, stage, index) is None
        assert world.use.tasks.get("no such task") is None

    def test_indexes_that_look_alike_are_different_tasks(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        stage = stage_of(2)
        alike = ["a_b", "a-b"]
        tasks = [
            type(task)(task_id_of(JOB_ID, 1, 1, index), index, {"index": index})
            for task, index in zip(stage.tasks, alike, strict=True)
        ]
        assert world.use.stages.open(type(stage)(**{**vars(stage), "tasks": tasks}))
        for index in alike:
            found = world.use.tasks.find(JOB_ID, 1, 1, index)
            assert found is not None
            assert found.parameters == {"index": index}
