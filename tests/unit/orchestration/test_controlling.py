"""Cancel, retry and re-run as callers meet them; what they do in the database the contract suite holds."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from schema.errors import (
    DatabaseUnavailableError,
    JobNotFoundError,
    JobStateConflictError,
    PermanentTaskError,
)
from schema.states import JobStatus, TaskStatus
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import WorkResult, ended, handlers, job_type, raising, run, stage

MakeSystem = Callable[..., FakeSystem]
UNKNOWN = "a" * 64
ACTIONS: list[Callable[[FakeSystem, str], object]] = [
    lambda system, job_id: system.control.cancel(job_id, "no longer wanted", "corr-2"),
    lambda system, job_id: system.control.retry(job_id, "corr-2"),
    lambda system, job_id: system.control.rerun(job_id, "corr-2"),
]
each_action = pytest.mark.parametrize("act", ACTIONS, ids=["cancel", "retry", "rerun"])


@each_action
def test_an_unknown_job_is_not_found(system: FakeSystem, act: Callable[..., object]) -> None:
    with pytest.raises(JobNotFoundError):
        act(system, UNKNOWN)


@each_action
def test_a_database_that_is_away_is_reported(system: FakeSystem, act: Callable[..., object]) -> None:
    system.database.away = True
    with pytest.raises(DatabaseUnavailableError):
        act(system, UNKNOWN)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (ACTIONS[0], "cancel needs a job that is queued or processing; this one is completed"),
        (ACTIONS[1], "retry needs a job that is failed or cancelled; this one is completed"),
    ],
)
def test_a_state_that_does_not_allow_it_is_named(
    system: FakeSystem, act: Callable[..., object], message: str
) -> None:
    job = ended(system)
    with pytest.raises(JobStateConflictError, match=message):
        act(system, job.job_id)


def test_a_run_under_way_is_not_run_again(system: FakeSystem) -> None:
    job = system.submit("trial", {}).job
    with pytest.raises(JobStateConflictError, match="rerun needs a job that is ended; this one is queued"):
        system.control.rerun(job.job_id, "corr-2")


class TestCancel:
    def test_the_job_says_that_and_why(self, system: FakeSystem) -> None:
        job = system.submit("trial", {}).job
        cancelled = system.control.cancel(job.job_id, "no longer wanted", "corr-2")
        assert cancelled.status is JobStatus.CANCELLED
        assert cancelled.error is not None
        assert (cancelled.error.code, cancelled.error.message) == ("JOB_CANCELLED", "no longer wanted")

    def test_again_is_no_error(self, system: FakeSystem) -> None:
        job = system.submit("trial", {}).job
        answers = [system.control.cancel(job.job_id, "again", "corr-2").status for _ in range(2)]
        assert answers == [JobStatus.CANCELLED] * 2

    def test_nothing_of_it_runs_any_more(self, started: MakeSystem) -> None:
        system = started(raising(AssertionError("not run")), n=3)
        (job,) = system.database.tables.jobs.values()
        system.control.cancel(job.job_id, "no longer wanted", "corr-2")
        system.run_until_quiet()
        assert {task.status for task in system.database.tables.tasks.values()} == {TaskStatus.CANCELLED}
        assert system.job(job.job_id).status is JobStatus.CANCELLED


class TestRetryAndRerun:
    @pytest.fixture
    def failing(self, make_system: MakeSystem) -> tuple[FakeSystem, list[int], set[int]]:
        """A system, what ran in it, and what fails."""
        ran: list[int] = []
        broken = {1}

        def handler(parameters: Any, _: Any) -> WorkResult:
            ran.append(parameters.number)
            if parameters.number in broken:
                raise PermanentTaskError("broken")
            return WorkResult(number=parameters.number)

        return make_system(job_type(stage()), handlers(handler)), ran, broken

    def test_a_retry_runs_what_did_not_complete(self, failing: Any) -> None:
        system, ran, broken = failing
        job = ended(system, {"n": 4})
        assert (job.status, ran) == (JobStatus.FAILED, [0, 1])
        broken.clear()
        system.control.retry(job.job_id, "corr-2")
        system.run_until_quiet()
        assert (system.job(job.job_id).status, ran) == (JobStatus.COMPLETED, [0, 1, 1, 2, 3])

    def test_a_stage_whose_last_task_ends_while_it_is_opened_again_is_closed(
        self, started: MakeSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worker saw the stage as it was before the retry, the retry the task before its end."""
        jobs: list[str] = []

        def handler(_: Any, context: Any) -> WorkResult:
            jobs.append(context.job_id)
            system.control.cancel(context.job_id, "stop", "corr-2")
            return WorkResult(number=1)

        system = started(handler)
        retry = system.repositories.jobs.retry
        run(system)
        (job_id,) = jobs
        (task,) = system.database.tables.tasks.values()
        running = replace(task, status=TaskStatus.PROCESSING, result=None)

        def overtaken(*arguments: Any) -> Any:
            system.database.tables.tasks[task.task_id] = running
            control = retry(*arguments)
            system.database.tables.tasks[task.task_id] = task
            return control

        monkeypatch.setattr(system.repositories.jobs, "retry", overtaken)
        system.control.retry(job_id, "corr-3")
        system.run_until_quiet()
        assert system.job(job_id).status is JobStatus.COMPLETED

    def test_a_rerun_runs_everything_in_a_new_run(self, failing: Any) -> None:
        system, ran, broken = failing
        job = ended(system, {"n": 2})
        broken.clear()
        assert system.control.rerun(job.job_id, "corr-2").run == 2
        system.run_until_quiet()
        assert (system.job(job.job_id).status, ran) == (JobStatus.COMPLETED, [0, 1, 0, 1])

    def test_what_follows_is_traced_by_the_new_correlation_id(self, failing: Any) -> None:
        system, _, _ = failing
        job = ended(system)
        system.control.rerun(job.job_id, "corr-2")
        assert system.job(job.job_id).correlation_id == "corr-2"
        assert all(b"corr-2" in message.body for message in system.queue.visible())

    def test_a_queue_that_is_away_leaves_the_messages_to_the_relay(self, failing: Any) -> None:
        system, _, broken = failing
        job = ended(system, {"n": 2})
        broken.clear()
        system.queue.outage = True
        system.control.retry(job.job_id, "corr-2")
        assert system.queue.visible() == []
        system.queue.outage = False
        system.clock.advance(61)
        system.run_until_quiet()
        assert system.job(job.job_id).status is JobStatus.COMPLETED

    def test_it_is_logged_once(self, failing: Any, caplog: pytest.LogCaptureFixture) -> None:
        system, _, _ = failing
        job = ended(system)
        with caplog.at_level(logging.INFO):
            system.control.retry(job.job_id, "corr-2")
        (record,) = [each for each in caplog.records if each.message == "job was told"]
        facts = vars(record)
        assert (facts["told"], facts["job_id"], facts["correlation_id"]) == ("retry", job.job_id, "corr-2")


def test_a_job_that_was_told_stays_told_where_its_messages_must_wait(
    system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise DatabaseUnavailableError("away")

    job = ended(system)
    monkeypatch.setattr(system.relay, "drain", away)
    assert system.control.rerun(job.job_id, "corr-2").run == 2
