"""What must be true of the tables at any moment, and what must be true once everything has settled."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from typing import Any

from schema.states import (
    FINAL_JOB_STATES,
    FINAL_TASK_STATES,
    JobStatus,
    StageStatus,
    TaskStatus,
    is_allowed,
)
from tests.fakes.database import stage_subject
from tests.property.job_types import Recorder
from tests.support.worlds import Snapshot

_LIVE_STAGE = (StageStatus.OPEN, StageStatus.CLOSING)
_FINAL: Mapping[str, Set[str]] = {
    "job": {str(status) for status in FINAL_JOB_STATES},
    "stage": {str(status) for status in StageStatus if status not in _LIVE_STAGE},
    "task": {str(status) for status in FINAL_TASK_STATES},
}
_TAKES_UP: Mapping[str, Set[str]] = {
    "job": {"retried", "rerun"},
    "stage": {"retried"},
    "task": {"stage_retried"},
}


def check_always(seen: Snapshot, recorder: Recorder) -> None:
    """The invariants of the protocol."""
    _every_move_is_allowed(seen)
    _each_stage_closes_once(seen)
    _no_final_state_changes(seen)
    _each_success_is_stored_once(seen)
    _each_attempt_runs_at_most_once(recorder)
    _no_two_leases_are_alike(seen)
    _no_stage_exceeds_its_limit(seen)
    _no_job_type_exceeds_its_limit(seen)
    _no_resource_is_held_twice(seen)
    _results_hold_exactly_their_own_tasks(seen)


def check_settled(seen: Snapshot, allowed: Mapping[str, Set[JobStatus]]) -> None:
    """Nothing is left to do, and every job came to an end that its parameters and its fate allow."""
    assert {job.job_id for job in seen.jobs} == set(allowed)
    for job in seen.jobs:
        assert job.status in allowed[job.job_id], (job, allowed[job.job_id])
        assert (job.error is not None) == (job.status in (JobStatus.FAILED, JobStatus.CANCELLED))
    assert seen.outbox == 0
    assert unfinished(seen) == []
    assert [stage for stage in seen.stages if stage.status in _LIVE_STAGE] == []


def unfinished(seen: Snapshot) -> list[str]:
    """The tasks that are not final."""
    return [task.task_id for task in seen.tasks if task.status not in FINAL_TASK_STATES]


def _every_move_is_allowed(seen: Snapshot) -> None:
    for event in seen.events:
        if event.from_status is not None:
            assert is_allowed(event.entity, event.from_status, event.event, event.to_status), event


def _each_stage_closes_once(seen: Snapshot) -> None:
    moves = Counter((event.subject, event.event) for event in seen.events if event.entity == "stage")
    for stage in seen.stages:
        subject = stage_subject((stage.job_id, stage.run, stage.stage))
        openings = moves[subject, "retried"] + 1
        assert moves[subject, "opened"] == 1
        assert moves[subject, "last_task_finished"] <= openings
        assert moves[subject, "settled"] <= openings


def _no_final_state_changes(seen: Snapshot) -> None:
    """Within its run, but for what a retry takes up again."""
    for event in seen.events:
        if event.from_status in _FINAL[event.entity]:
            assert event.event in _TAKES_UP[event.entity], event


def _each_success_is_stored_once(seen: Snapshot) -> None:
    """A task completes once for each opening of its stage, with the result of the attempt that holds."""
    moves = Counter((event.subject, event.event) for event in seen.events if event.entity == "task")
    for task in seen.tasks:
        assert moves[task.task_id, "completed"] <= moves[task.task_id, "stage_retried"] + 1
        assert moves[task.task_id, "claimed"] == task.attempt
        if task.status == TaskStatus.COMPLETED:
            assert task.result["attempt"] == task.attempt
        else:
            assert task.result is None


def _each_attempt_runs_at_most_once(recorder: Recorder) -> None:
    repeated = [attempt for attempt, times in recorder.executions.items() if times > 1]
    assert repeated == []


def _no_two_leases_are_alike(seen: Snapshot) -> None:
    tokens = [task.lease_token for task in seen.tasks if task.lease_token is not None]
    assert len(tokens) == len(set(tokens))
    for task in seen.tasks:
        assert (task.status == TaskStatus.PROCESSING) == (task.lease_token is not None)


def _no_stage_exceeds_its_limit(seen: Snapshot) -> None:
    started = Counter(
        (task.job_id, task.run, task.stage)
        for task in seen.tasks
        if task.status in (TaskStatus.QUEUED, TaskStatus.PROCESSING)
    )
    for stage in seen.stages:
        assert started[stage.job_id, stage.run, stage.stage] <= stage.max_parallel_tasks


def _no_job_type_exceeds_its_limit(seen: Snapshot) -> None:
    jobs = {job.job_id: job for job in seen.jobs}
    leases = Counter(jobs[task.job_id].job_type for task in seen.tasks if task.task_id in seen.leased)
    for job in seen.jobs:
        if job.max_parallel_tasks is not None:
            assert leases[job.job_type] <= job.max_parallel_tasks


def _no_resource_is_held_twice(seen: Snapshot) -> None:
    held = [task.resource for task in seen.tasks if task.resource and task.status == TaskStatus.PROCESSING]
    assert len(held) == len(set(held))


def _results_hold_exactly_their_own_tasks(seen: Snapshot) -> None:
    own: dict[tuple[str, int, int], list[Any]] = defaultdict(list)
    for task in sorted(seen.tasks, key=lambda task: task.position):
        own[task.job_id, task.run, task.stage].append(task)
    for stage in seen.stages:
        tasks = own[stage.job_id, stage.run, stage.stage]
        assert stage.expected == len(tasks)
        if stage.result is None:
            continue
        shown = stage.result["task_results"]
        assert [result["task_id"] for result in shown] == [task.task_id for task in tasks]
        assert [result["status"] for result in shown] == [task.status for task in tasks]
        assert stage.completed == sum(task.status == TaskStatus.COMPLETED for task in tasks)
        assert stage.completed + stage.failed == stage.expected
