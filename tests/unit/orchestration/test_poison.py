"""The verdict on a poison message follows from the state of what it names."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestration.intake import Delivery
from schema.errors import DatabaseUnavailableError, PermanentTaskError, RetryableTaskError
from schema.identity import task_id_of
from schema.queues import JOB_QUEUE, TASK_QUEUE
from schema.records import Verdict
from schema.results import ErrorDetail
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.fakes.queues import QueuedMessage
from tests.fakes.rows import JobRow, TaskRow
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    TOLERANT,
    WorkResult,
    handlers,
    job_type,
    only_task,
    raising,
    run,
    stage,
)

MakeSystem = Callable[..., FakeSystem]
JOB = "a" * 64


def fine(*_: Any) -> WorkResult:
    return WorkResult(number=1)


def judge(system: FakeSystem, queue: str, body: bytes | QueuedMessage, message_id: str = "p-1") -> Verdict:
    raw = body if isinstance(body, bytes) else body.body
    return system.poison.handle(Delivery(queue, message_id, raw, 1))


def task_body(task: TaskRow, attempt: int | None = None, **fields: Any) -> bytes:
    return json.dumps(
        {
            "job_id": task.job_id,
            "run": task.run,
            "stage": task.stage,
            "task_id": task.task_id,
            "attempt": task.attempt + 1 if attempt is None else attempt,
            "correlation_id": "corr-1",
            **fields,
        }
    ).encode()


def job_body(job: JobRow, **fields: Any) -> bytes:
    message = {"job_id": job.job_id, "run": job.run, "stage": job.stage, "correlation_id": "corr-1"}
    return json.dumps({**message, **fields}).encode()


def only_job(system: FakeSystem) -> JobRow:
    (job,) = system.database.tables.jobs.values()
    return job


def letter(system: FakeSystem) -> Any:
    (row,) = system.repositories.dead_letters.list(10)
    return row


class TestTasks:
    def test_one_that_another_delivery_fails_meanwhile_has_failed_as_expected(
        self, started: MakeSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        system = started(fine)
        fail = system.repositories.tasks.fail

        def lose_the_race(task_id: str, error: ErrorDetail) -> None:
            assert fail(task_id, error) is not None

        monkeypatch.setattr(system.repositories.tasks, "fail", lose_the_race)
        assert judge(system, TASK_QUEUE, task_body(only_task(system))) is Verdict.EXPECTED

    def test_a_waiting_one_is_failed_for_good(self, started: MakeSystem) -> None:
        system = started(fine)
        assert judge(system, TASK_QUEUE, task_body(only_task(system))) is Verdict.UNHANDLED
        task = only_task(system)
        assert task.status is TaskStatus.FAILED
        assert task.error is not None
        assert task.error["code"] == "UNHANDLED_POISON"
        assert str(task.error["message"]).startswith("UNHANDLED POISON")
        assert task.error["task_id"] == task.task_id

    def test_the_stage_of_the_last_one_is_closed(self, started: MakeSystem) -> None:
        system = started(fine)
        judge(system, TASK_QUEUE, task_body(only_task(system)))
        (row,) = system.database.tables.stages.values()
        assert row.status is StageStatus.CLOSING
        assert JOB_QUEUE in [message.queue for message in system.queue.visible()]

    def test_its_job_follows_the_failure_policy(self, make_system: MakeSystem) -> None:
        for policy, status in ((None, JobStatus.FAILED), (TOLERANT, JobStatus.COMPLETED_WITH_ERRORS)):
            options = {} if policy is None else {"failure": policy}
            system = make_system(job_type(stage(**options)), handlers(fine))
            system.submit("trial", {"n": 2})
            system.deliver(system.queue.visible()[0])
            first, _ = system.database.tables.tasks.values()
            judge(system, TASK_QUEUE, task_body(first))
            system.run_until_quiet()
            assert only_job(system).status is status

    def test_a_running_one_is_failed_and_its_worker_loses_the_lease(self, started: MakeSystem) -> None:
        verdicts: list[Verdict] = []

        def handler(*_: Any) -> WorkResult:
            verdicts.append(judge(system, TASK_QUEUE, task_body(only_task(system), attempt=1)))
            return WorkResult(number=1)

        system = started(handler)
        task = run(system)
        assert verdicts == [Verdict.UNHANDLED]
        assert (task.status, task.result) == (TaskStatus.FAILED, None)

    def test_one_that_failed_is_expected(self, started: MakeSystem) -> None:
        system = started(raising(PermanentTaskError("never")))
        run(system)
        assert judge(system, TASK_QUEUE, task_body(only_task(system), attempt=1)) is Verdict.EXPECTED
        assert only_task(system).error != {"code": "UNHANDLED_POISON"}

    def test_one_that_completed_stays_so(self, started: MakeSystem) -> None:
        system = started(fine)
        run(system)
        assert judge(system, TASK_QUEUE, task_body(only_task(system), attempt=1)) is Verdict.FINISHED
        assert only_task(system).status is TaskStatus.COMPLETED

    def test_a_message_of_an_earlier_attempt_is_superseded(self, started: MakeSystem) -> None:
        system = started(raising(RetryableTaskError("later")))
        run(system)
        assert judge(system, TASK_QUEUE, task_body(only_task(system), attempt=1)) is Verdict.SUPERSEDED
        assert only_task(system).status is TaskStatus.QUEUED

    def test_one_whose_attempt_is_not_told_is_judged_by_the_task_alone(self, started: MakeSystem) -> None:
        system = started(fine)
        task = only_task(system)
        assert judge(system, TASK_QUEUE, f"damaged {task.task_id} ".encode()) is Verdict.UNHANDLED

    def test_an_unknown_one_is_unknown(self, started: MakeSystem) -> None:
        system = started(fine)
        task = replace(only_task(system), task_id=task_id_of(JOB, 1, 1, "9"))
        assert judge(system, TASK_QUEUE, task_body(task)) is Verdict.UNKNOWN
        assert only_task(system).status is TaskStatus.QUEUED


class TestJobs:
    def test_one_that_another_delivery_fails_meanwhile_has_failed_as_expected(
        self, started: MakeSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        system = started(fine)
        fail = system.repositories.jobs.fail

        def lose_the_race(job_id: str, run: int, error: ErrorDetail) -> bool:
            return not fail(job_id, run, error)

        monkeypatch.setattr(system.repositories.jobs, "fail", lose_the_race)
        assert judge(system, JOB_QUEUE, job_body(only_job(system))) is Verdict.EXPECTED

    def test_a_waiting_one_is_failed(self, system: FakeSystem) -> None:
        system.submit("trial", {})
        assert judge(system, JOB_QUEUE, job_body(only_job(system))) is Verdict.UNHANDLED
        job = only_job(system)
        assert job.status is JobStatus.FAILED
        assert job.error is not None
        assert job.error["code"] == "UNHANDLED_POISON"

    def test_an_active_one_is_failed_with_what_has_not_started(self, started: MakeSystem) -> None:
        system = started(fine, n=2)
        judge(system, JOB_QUEUE, job_body(only_job(system)))
        assert {task.status for task in system.database.tables.tasks.values()} == {TaskStatus.SKIPPED}
        (row,) = system.database.tables.stages.values()
        assert row.status is StageStatus.FAILED

    @pytest.mark.parametrize(("run_", "stage_"), [(1, 2), (2, 1), (1, 1)])
    def test_a_message_of_an_earlier_stage_or_run_is_superseded(
        self, started: MakeSystem, run_: int, stage_: int
    ) -> None:
        system = started(fine)
        job = replace(only_job(system), run=2, stage=2)
        system.database.tables.jobs[job.job_id] = job
        assert judge(system, JOB_QUEUE, job_body(job, run=run_, stage=stage_)) is Verdict.SUPERSEDED
        assert only_job(system).status is JobStatus.PROCESSING

    def test_one_that_failed_is_expected(self, system: FakeSystem) -> None:
        system.submit("trial", {})
        judge(system, JOB_QUEUE, job_body(only_job(system)))
        assert judge(system, JOB_QUEUE, job_body(only_job(system)), "p-2") is Verdict.EXPECTED

    def test_one_that_ended_otherwise_stays_so(self, system: FakeSystem) -> None:
        system.submit("trial", {})
        system.run_until_quiet()
        assert judge(system, JOB_QUEUE, job_body(only_job(system))) is Verdict.FINISHED
        assert only_job(system).status is JobStatus.COMPLETED

    def test_an_unknown_one_is_unknown(self, system: FakeSystem) -> None:
        assert judge(system, JOB_QUEUE, b'{"job_id": "' + JOB.encode() + b'"}') is Verdict.UNKNOWN

    @pytest.mark.parametrize("body", [b"", b"no json", b"\xff\x00", b"[" * 20_000, b"{}"])
    def test_what_names_nothing_is_unknown(self, system: FakeSystem, body: bytes) -> None:
        assert judge(system, JOB_QUEUE, body) is Verdict.UNKNOWN


class TestRecord:
    def test_a_message_that_was_on_record_gets_its_verdict_there(self, system: FakeSystem) -> None:
        message = system.queue.put(JOB_QUEUE, b"broken")
        for _ in range(5):
            system.deliver(system.queue.messages[message.message_id])
        assert letter(system).verdict is None
        (copy,) = system.queue.visible()
        assert system.deliver(copy) is None
        assert (letter(system).verdict, letter(system).error_code) == (Verdict.UNKNOWN, "MESSAGE_NOT_PARSED")
        assert (letter(system).message_id, letter(system).dequeue_count) == (message.message_id, 5)

    def test_a_message_that_was_not_is_put_on_record(self, system: FakeSystem) -> None:
        judge(system, TASK_QUEUE, b"x" * 3_000)
        row = letter(system)
        assert (row.verdict, row.error_code) == (Verdict.UNKNOWN, "UNHANDLED_POISON")
        assert (row.queue, len(row.body), row.size) == (TASK_QUEUE, 1_000, 3_000)

    def test_a_second_delivery_adds_nothing(self, system: FakeSystem) -> None:
        assert [judge(system, TASK_QUEUE, b"broken") for _ in range(2)] == [Verdict.UNKNOWN] * 2
        assert letter(system).verdict is Verdict.UNKNOWN

    def test_a_database_that_is_away_leaves_the_message_to_the_host(self, system: FakeSystem) -> None:
        system.database.away = True
        with pytest.raises(DatabaseUnavailableError):
            judge(system, TASK_QUEUE, b"broken")


class TestTelling:
    @pytest.mark.parametrize(
        ("state", "level"),
        [("waiting", logging.CRITICAL), ("failed", logging.INFO), ("completed", logging.WARNING)],
    )
    def test_the_log_s_level_is_that_of_the_verdict(
        self, started: MakeSystem, caplog: pytest.LogCaptureFixture, state: str, level: int
    ) -> None:
        system = started(raising(PermanentTaskError("never")) if state == "failed" else fine)
        if state != "waiting":
            run(system)
        with caplog.at_level(logging.INFO):
            judge(system, TASK_QUEUE, task_body(only_task(system), attempt=1))
        (record,) = [each for each in caplog.records if each.message == "poison message was judged"]
        assert record.levelno == level
        assert vars(record)["task_id"] == only_task(system).task_id
        assert vars(record)["correlation_id"] == "corr-1"

    def test_operators_are_called_for_what_was_unhandled(self, started: MakeSystem) -> None:
        system = started(fine)
        judge(system, TASK_QUEUE, task_body(only_task(system)))
        ((subject, facts),) = system.alerts.alerts
        assert subject == "a message could not be processed and its work was failed"
        assert facts["task_id"] == only_task(system).task_id
        assert facts["verdict"] == "unhandled"

    def test_they_are_not_called_for_anything_else(self, started: MakeSystem) -> None:
        system = started(fine)
        run(system)
        judge(system, TASK_QUEUE, task_body(only_task(system), attempt=1))
        judge(system, TASK_QUEUE, b"nonsense", "p-2")
        assert system.alerts.alerts == []
