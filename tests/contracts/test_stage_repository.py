"""What every ``StageRepository`` must do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from schema.policies import ErrorClass
from schema.records import NextStep, ReopenStage
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.contracts.steps import (
    JOB_ID,
    TOLERANT,
    claimed,
    completion,
    end_of_job,
    failed,
    new_job,
    opened,
    settlement,
    stage_of,
    succeeded,
)
from tests.fakes.database import stage_subject
from tests.fakes.rows import Event
from tests.support.worlds import Waiting, World

REOPEN = ReopenStage(JOB_ID, 1, 1)


def status_of(world: World, stage: int = 1) -> StageStatus:
    row = world.use.stages.get(JOB_ID, 1, stage)
    assert row is not None
    return row.status


def job_status(world: World) -> JobStatus:
    job = world.use.jobs.get(JOB_ID)
    assert job is not None
    return job.status


def task_states(world: World, stage: int = 1) -> list[TaskStatus]:
    return [task.status for task in world.use.stages.task_results(JOB_ID, 1, stage)]


class TestOpen:
    def test_a_stage_opens_with_all_its_tasks(self, world: World) -> None:
        opened(world, 3)
        stage = world.use.stages.get(JOB_ID, 1, 1)
        assert stage is not None
        assert (stage.status, stage.task_type, stage.expected) == (StageStatus.OPEN, "work_1", 3)
        assert task_states(world) == [TaskStatus.QUEUED] * 3

    def test_each_task_has_its_own_type(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        stage = stage_of(3)
        mixed = [replace(stage.tasks[0], task_type="other"), *stage.tasks[1:]]
        assert world.use.stages.open(replace(stage, tasks=mixed))
        rows = list(world.use.stages.task_results(JOB_ID, 1, 1))
        assert [row.task_type for row in rows] == ["other", "work_1", "work_1"]
        claim = world.use.tasks.claim(rows[0].task_id, 1, "worker-1", uuid4())
        assert claim.task is not None
        assert claim.task.task_type == "other"

    def test_a_stage_keeps_its_type_whatever_its_tasks_are_of(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        stage = stage_of(1)
        world.use.stages.open(replace(stage, tasks=[replace(stage.tasks[0], task_type="other")]))
        row = world.use.stages.get(JOB_ID, 1, 1)
        assert row is not None
        assert row.task_type == "work_1"

    def test_opening_sets_the_job_to_work(self, world: World) -> None:
        opened(world, 1)
        job = world.use.jobs.get(JOB_ID)
        assert job is not None
        assert (job.status, job.stage) == (JobStatus.PROCESSING, 1)
        assert job.started_at is not None

    def test_each_task_that_may_start_has_a_message_nobody_has_claimed(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        stage = stage_of(2)
        world.use.stages.open(stage)
        ids = [task.task_id for task in stage.tasks]
        assert world.waiting() == [Waiting("task", 1, task_id, 1, claimed=False) for task_id in ids]

    def test_tasks_beyond_the_parallel_limit_are_held_back(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        world.use.stages.open(stage_of(4, max_parallel_tasks=2))
        assert task_states(world) == [TaskStatus.QUEUED] * 2 + [TaskStatus.PENDING] * 2
        assert len(world.waiting()) == 2

    def test_a_stage_that_is_there_is_not_opened_again(self, world: World) -> None:
        opened(world, 2)
        assert not world.use.stages.open(stage_of(3))
        assert len(task_states(world)) == 2
        assert world.waiting() == []

    def test_of_many_openings_at_once_one_opens(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda _: world.use.stages.open(stage_of(5)), range(8)))
        assert sum(done) == 1
        assert len(world.waiting()) == 5

    def test_a_stage_of_no_tasks_starts_out_closing_and_wakes_the_orchestrator(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.clear_outbox()
        assert world.use.stages.open(stage_of(0))
        assert status_of(world) is StageStatus.CLOSING
        assert world.waiting() == [Waiting("job", 1, None, None, claimed=False)]

    def test_no_stage_opens_for_a_job_that_has_ended(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        world.use.jobs.finish(end_of_job())
        assert not world.use.stages.open(stage_of(1))
        assert world.use.stages.get(JOB_ID, 1, 1) is None

    def test_no_stage_opens_for_a_run_that_is_not_the_job_s(self, world: World) -> None:
        world.use.jobs.submit(new_job())
        assert not world.use.stages.open(replace(stage_of(1), run=2))

    def test_no_stage_opens_for_a_job_that_is_not_there(self, world: World) -> None:
        assert not world.use.stages.open(stage_of(1))

    def test_no_stage_opens_behind_the_one_that_the_job_is_at(self, world: World) -> None:
        opened(world, 1)
        succeeded(world, stage_of(1).tasks[0].task_id)
        world.use.stages.settle(settlement(), stage_of(1, stage=2))
        assert not world.use.stages.open(stage_of(1))


class TestClose:
    def test_a_stage_with_an_unfinished_task_is_not_closed(self, world: World) -> None:
        first, _ = opened(world, 2)
        succeeded(world, first)
        assert list(world.use.stages.close(JOB_ID, 1, 1)) == []
        assert status_of(world) is StageStatus.OPEN

    def test_a_closed_stage_is_not_closed_again(self, world: World) -> None:
        (task,) = opened(world, 1)
        succeeded(world, task)
        assert status_of(world) is StageStatus.CLOSING
        assert list(world.use.stages.close(JOB_ID, 1, 1)) == []

    def test_a_stage_that_is_not_there_is_not_closed(self, world: World) -> None:
        assert list(world.use.stages.close(JOB_ID, 1, 1)) == []

    @pytest.mark.parametrize("status", [ErrorClass.PERMANENT, ErrorClass.CANCELLED])
    def test_a_stage_whose_last_task_failed_is_closed(self, world: World, status: ErrorClass) -> None:
        (task,) = opened(world, 1)
        finish = failed(world, task, status)
        assert [(row.kind, row.stage) for row in finish.outbox] == [("job", 1)]
        assert status_of(world) is StageStatus.CLOSING

    def test_of_many_last_finishers_at_once_exactly_one_gets_the_message(self, world: World) -> None:
        tasks = opened(world, 16)
        with ThreadPoolExecutor(16) as pool:
            finishes = list(pool.map(lambda task: succeeded(world, task), tasks))
        messages = [row for finish in finishes for row in finish.outbox]
        assert [(row.kind, row.stage) for row in messages] == [("job", 1)]
        closings = [event for event in world.events() if event.event == "last_task_finished"]
        subject = stage_subject((JOB_ID, 1, 1))
        assert closings == [Event("stage", subject, "open", "last_task_finished", "closing")]


class TestSettle:
    @pytest.fixture(autouse=True)
    def closing(self, world: World) -> None:
        (task,) = opened(world, 1)
        succeeded(world, task)
        world.clear_outbox()

    def test_the_next_stage_opens_with_the_settlement(self, world: World) -> None:
        assert world.use.stages.settle(settlement(), stage_of(2, stage=2))
        assert (status_of(world, 1), status_of(world, 2)) == (StageStatus.COMPLETED, StageStatus.OPEN)
        assert [row.stage for row in world.waiting()] == [2, 2]
        job = world.use.jobs.get(JOB_ID)
        assert job is not None
        assert job.stage == 2

    def test_the_next_stage_may_have_no_tasks(self, world: World) -> None:
        assert world.use.stages.settle(settlement(), stage_of(0, stage=2))
        assert status_of(world, 2) is StageStatus.CLOSING
        assert world.waiting() == [Waiting("job", 2, None, None, claimed=False)]

    def test_the_job_ends_with_the_settlement(self, world: World) -> None:
        assert world.use.stages.settle(settlement(), completion())
        assert (status_of(world), job_status(world)) == (StageStatus.COMPLETED, JobStatus.COMPLETED)

    @pytest.mark.parametrize("status", [StageStatus.FAILED, StageStatus.COMPLETED_WITH_ERRORS])
    def test_the_stage_gets_its_counts_and_its_result(self, world: World, status: StageStatus) -> None:
        world.use.stages.settle(settlement(status=status), end_of_job())
        stage = world.use.stages.get(JOB_ID, 1, 1)
        assert stage is not None
        assert (stage.status, stage.completed, stage.failed) == (status, 1, 0)
        assert stage.result == settlement(status=status).result
        assert stage.closed_at is not None

    def test_a_reopened_stage_runs_all_its_tasks_where_none_failed(self, world: World) -> None:
        assert world.use.stages.settle(settlement(), REOPEN)
        stage = world.use.stages.get(JOB_ID, 1, 1)
        assert stage is not None
        assert (stage.status, stage.retries, stage.result) == (StageStatus.OPEN, 1, None)
        (task,) = world.use.stages.task_results(JOB_ID, 1, 1)
        assert (task.status, task.attempt, task.result) == (TaskStatus.QUEUED, 1, None)
        assert (task.started_at, task.finished_at, task.processed_items) == (None, None, None)
        assert world.waiting() == [Waiting("task", 1, task.task_id, 2, claimed=False)]

    def test_a_reopened_task_gets_the_policy_s_attempts_anew(self, world: World) -> None:
        world.use.stages.settle(settlement(), REOPEN)
        (task,) = world.use.stages.task_results(JOB_ID, 1, 1)
        assert task.max_attempts == 4

    def test_a_reopened_stage_closes_again(self, world: World) -> None:
        world.use.stages.settle(settlement(), REOPEN)
        (task,) = world.use.stages.task_results(JOB_ID, 1, 1)
        finish = succeeded(world, task.task_id, attempt=2)
        assert [row.kind for row in finish.outbox] == ["job"]

    @pytest.mark.parametrize("following", [stage_of(1, stage=2), completion(), REOPEN])
    def test_a_stage_is_settled_once(self, world: World, following: NextStep) -> None:
        world.use.stages.settle(settlement(), stage_of(1, stage=2))
        assert not world.use.stages.settle(settlement(), following)
        assert (status_of(world), job_status(world)) == (StageStatus.COMPLETED, JobStatus.PROCESSING)

    @pytest.mark.parametrize("following", [stage_of(1, stage=2), completion()])
    def test_nothing_is_settled_where_the_job_has_ended(self, world: World, following: NextStep) -> None:
        world.use.jobs.finish(end_of_job())
        assert not world.use.stages.settle(settlement(), following)
        assert (status_of(world), job_status(world)) == (StageStatus.CLOSING, JobStatus.FAILED)

    def test_of_many_settlements_at_once_one_settles(self, world: World) -> None:
        with ThreadPoolExecutor(8) as pool:
            done = list(
                pool.map(lambda _: world.use.stages.settle(settlement(), stage_of(3, stage=2)), range(8))
            )
        assert sum(done) == 1
        assert len(world.waiting()) == 3


def test_an_open_stage_is_not_settled(world: World) -> None:
    opened(world, 1)
    assert not world.use.stages.settle(settlement(), completion())
    assert not world.use.stages.settle(settlement(), REOPEN)
    assert (status_of(world), job_status(world)) == (StageStatus.OPEN, JobStatus.PROCESSING)


def test_only_the_tasks_that_did_not_complete_are_reopened_within_the_parallel_limit(world: World) -> None:
    tasks = opened(world, 4, failure=TOLERANT, max_parallel_tasks=2)
    succeeded(world, tasks[0])
    for task in tasks[1:]:
        failed(world, task)
    world.clear_outbox()
    assert world.use.stages.settle(settlement(), REOPEN)
    completed, queued, pending = TaskStatus.COMPLETED, TaskStatus.QUEUED, TaskStatus.PENDING
    assert task_states(world) == [completed, queued, queued, pending]
    assert [row.task_id for row in world.waiting()] == tasks[1:3]


def test_what_was_decided_in_an_earlier_round_is_void(world: World) -> None:
    (task,) = opened(world, 1, failure=TOLERANT)
    failed(world, task)
    assert world.use.stages.settle(settlement(), REOPEN)
    succeeded(world, task, attempt=2)

    assert not world.use.stages.settle(settlement(), completion())
    assert not world.use.stages.settle(settlement(), REOPEN)
    assert (status_of(world), job_status(world)) == (StageStatus.CLOSING, JobStatus.PROCESSING)
    assert world.use.stages.settle(settlement(round_=2), completion())


def test_a_stage_of_no_tasks_closes_at_once_where_it_is_reopened(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.stages.open(stage_of(0))
    world.clear_outbox()
    assert world.use.stages.settle(settlement(), REOPEN)
    stage = world.use.stages.get(JOB_ID, 1, 1)
    assert stage is not None
    assert (stage.status, stage.retries) == (StageStatus.CLOSING, 1)
    assert world.waiting() == [Waiting("job", 1, None, None, claimed=False)]


class TestReading:
    def test_there_is_no_stage_that_was_not_opened(self, world: World) -> None:
        assert world.use.stages.get(JOB_ID, 1, 1) is None
        assert list(world.use.stages.list(JOB_ID, 1)) == []
        assert list(world.use.stages.task_results(JOB_ID, 1, 1)) == []

    def test_stages_are_listed_in_their_order(self, world: World) -> None:
        (task,) = opened(world, 1)
        succeeded(world, task)
        world.use.stages.settle(settlement(), stage_of(1, stage=2))
        assert [stage.stage for stage in world.use.stages.list(JOB_ID, 1)] == [1, 2]

    def test_a_stage_s_tasks_are_read_each_once_and_in_order(self, world: World) -> None:
        tasks = opened(world, 2_100)
        assert [task.task_id for task in world.use.stages.task_results(JOB_ID, 1, 1)] == tasks

    def test_a_stage_s_tasks_are_only_its_own(self, world: World) -> None:
        (task,) = opened(world, 1)
        opened(world, 2, job_id="1" * 64)
        succeeded(world, task)
        world.use.stages.settle(settlement(), stage_of(3, stage=2))
        assert len(task_states(world, 1)) == 1
        assert len(task_states(world, 2)) == 3

    def test_a_live_stage_is_summarised_as_of_now(self, world: World) -> None:
        tasks = opened(world, 4, failure=TOLERANT)
        succeeded(world, tasks[0])
        failed(world, tasks[1])
        claimed(world, tasks[2])
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert (summary.stage, summary.status, summary.expected) == (1, StageStatus.OPEN, 4)
        assert (summary.completed, summary.failed, summary.running) == (1, 1, 1)
        assert summary.result is None

    def test_a_settled_stage_is_summarised_with_its_result(self, world: World) -> None:
        (task,) = opened(world, 1)
        succeeded(world, task)
        world.use.stages.settle(settlement(), completion())
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert (summary.completed, summary.failed, summary.running) == (1, 0, 0)
        assert summary.result is not None
        assert summary.result["stage_number"] == 1

    def test_a_summary_tells_how_long_the_stage_takes(self, world: World) -> None:
        (task,) = opened(world, 1)
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert (summary.resumed_at, summary.closed_at, summary.ended_lately) == (None, None, 0)
        succeeded(world, task)
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert summary.ended_lately == 1
        world.use.stages.settle(settlement(), completion())
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert summary.closed_at is not None
        assert summary.closed_at >= summary.opened_at

    def test_of_a_reopened_stage_only_what_ended_since_counts_for_its_pace(self, world: World) -> None:
        tasks = opened(world, 2, failure=TOLERANT)
        succeeded(world, tasks[0])
        failed(world, tasks[1])
        (before,) = world.use.stages.summaries(JOB_ID, 1)
        assert (before.round_began_at, before.ended_lately) == (before.opened_at, 2)
        world.pass_time(60)
        assert world.use.stages.settle(settlement(), REOPEN)
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert (summary.completed, summary.ended_lately) == (1, 0)
        assert (summary.round_began_at - summary.opened_at).total_seconds() == pytest.approx(60, abs=30)
        succeeded(world, tasks[1], attempt=2)
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert (summary.completed, summary.ended_lately) == (2, 1)

    def test_of_a_resumed_stage_only_what_ended_since_counts_for_its_pace(self, world: World) -> None:
        tasks = opened(world, 2)
        succeeded(world, tasks[0])
        world.pass_time(60)
        world.use.jobs.cancel(JOB_ID, "for a while")
        world.use.jobs.retry(JOB_ID, "corr-2")
        (summary,) = world.use.stages.summaries(JOB_ID, 1)
        assert (summary.completed, summary.ended_lately) == (1, 0)
        assert summary.resumed_at == summary.round_began_at
        assert summary.resumed_at > summary.opened_at
