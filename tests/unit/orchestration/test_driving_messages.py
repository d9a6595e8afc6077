"""Job messages may come twice, late, or to code that has changed since their job was submitted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from schema.errors import MessageLookupError
from schema.messages import JobQueueMessage
from schema.results import OrchestrationAction
from schema.states import JobStatus, StageStatus
from schema.workflow import StagePlan
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    DECIDE,
    deciding,
    ended,
    error_code,
    handlers,
    job_type,
    planning,
    result_of,
    stage,
    work,
)

MakeSystem = Callable[..., FakeSystem]


class TestChangedDeployments:
    """Rows outlive the code that wrote them."""

    def test_a_job_whose_type_is_gone_fails_before_it_starts(self, system: FakeSystem) -> None:
        submission = system.submit("trial", {})
        system.job_catalog._registrations.clear()
        system.run_until_quiet()
        assert error_code(system.job(submission.job.job_id)) == "UNKNOWN_JOB_TYPE"

    def test_a_job_whose_type_is_gone_fails_when_its_stage_ends(self, system: FakeSystem) -> None:
        submission = system.submit("trial", {})
        system.deliver(system.queue.visible()[0])
        system.job_catalog._registrations.clear()
        system.run_until_quiet()
        job = system.job(submission.job.job_id)
        assert error_code(job) == "UNKNOWN_JOB_TYPE"
        assert result_of(system, job).status is StageStatus.FAILED

    def test_a_job_at_a_stage_that_is_gone_fails(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(), stage()), handlers())
        submission = system.submit("trial", {"n": 1})
        for _ in range(3):
            system.deliver(system.queue.visible()[0])
        assert system.job(submission.job.job_id).stage == 2
        (registration,) = job_type(stage())
        system.job_catalog._registrations["trial"] = registration
        system.run_until_quiet()
        assert error_code(system.job(submission.job.job_id)) == "INCOMPLETE_CATALOG"

    def test_a_job_whose_next_stage_is_gone_fails(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(), stage()), handlers())
        submission = system.submit("trial", {"n": 1})
        (registration,) = job_type(stage())
        system.job_catalog._registrations["trial"] = registration
        system.run_until_quiet()
        assert error_code(system.job(submission.job.job_id)) == "INCOMPLETE_CATALOG"

    @pytest.mark.parametrize("deliveries", [0, 1])
    def test_a_job_whose_parameters_no_longer_fit_fails(self, system: FakeSystem, deliveries: int) -> None:
        submission = system.submit("trial", {"n": 1})
        for _ in range(deliveries):
            system.deliver(system.queue.visible()[0])
        jobs = system.database.tables.jobs
        jobs[submission.job.job_id] = replace(jobs[submission.job.job_id], parameters={"n": "many"})
        system.run_until_quiet()
        job = system.job(submission.job.job_id)
        assert error_code(job) == "CONTRACT_VIOLATION"
        assert job.error is not None
        assert "field /n" in job.error.message

    def test_a_task_that_left_no_decision_fails_the_job(self, make_system: MakeSystem) -> None:
        system = make_system(
            job_type(stage(contract=DECIDE)), handlers(decide=deciding(OrchestrationAction.COMPLETE_JOB))
        )
        submission = system.submit("trial", {"n": 1})
        for _ in range(2):
            system.deliver(system.queue.visible()[0])
        (task,) = system.database.tables.tasks.values()
        system.database.tables.tasks[task.task_id] = replace(task, result={"other": 1})
        system.run_until_quiet()
        job = system.job(submission.job.job_id)
        assert error_code(job) == "CONTRACT_VIOLATION"


class TestMessages:
    def message(self, system: FakeSystem, **changes: Any) -> JobQueueMessage:
        submission = system.submit("trial", {})
        values = {"job_id": submission.job.job_id, "run": 1, "stage": 1, "correlation_id": "corr-1"}
        return JobQueueMessage.model_validate({**values, **changes})

    def test_a_message_of_a_job_that_is_not_there_is_an_error(self, system: FakeSystem) -> None:
        with pytest.raises(MessageLookupError, match="no job has the id 00000"):
            system.driver.handle(self.message(system, job_id="0" * 64))

    @pytest.mark.parametrize("changes", [{"run": 2}, {"stage": 2}])
    def test_a_message_of_another_run_or_stage_does_nothing(
        self, system: FakeSystem, changes: dict[str, int]
    ) -> None:
        system.driver.handle(self.message(system, **changes))
        assert system.database.tables.stages == {}

    def test_a_message_of_a_job_that_has_ended_does_nothing(self, system: FakeSystem) -> None:
        job = ended(system)
        events = list(system.database.tables.events)
        system.driver.handle(self.message(system))
        assert system.job(job.job_id) == job
        assert system.database.tables.events == events

    def test_a_message_that_comes_twice_opens_its_stage_once(self, system: FakeSystem) -> None:
        message = self.message(system)
        system.driver.handle(message)
        system.driver.handle(message)
        assert len(system.database.tables.tasks) == 2
        assert [event.event for event in system.database.tables.events].count("opened") == 1

    def test_a_message_closes_a_stage_that_nobody_closed(self, system: FakeSystem) -> None:
        message = self.message(system)
        system.driver.handle(message)
        for row in list(system.database.tables.tasks.values()):
            system.database.tables.tasks[row.task_id] = replace(row, status="failed")
        system.driver.handle(message)
        stage = system.repositories.stages.get(message.job_id, 1, 1)
        assert stage is not None
        assert stage.status is StageStatus.CLOSING

    def test_of_two_that_settle_at_once_the_second_does_nothing(
        self, system: FakeSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(system.repositories.stages, "settle", lambda *_: False)
        job = ended(system)
        assert job.status is JobStatus.PROCESSING

    def test_a_stage_s_result_holds_only_its_own_tasks(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(), stage(planning(StagePlan.of(work(3))))), handlers())
        job = ended(system)
        for number, count in ((1, 2), (2, 3)):
            results = result_of(system, job, number).task_results
            assert [result.stage_number for result in results] == [number] * count
