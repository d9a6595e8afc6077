"""Jobs and job types as the API shows them."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestration.viewing import DryRun, JobTypeViewer, JobViewer
from schema.api import JobView
from schema.errors import (
    ContractViolationError,
    InvalidParametersError,
    JobNotFoundError,
    PermanentTaskError,
    UnknownJobTypeError,
)
from schema.states import JobStatus, StageStatus
from schema.workflow import StagePlan
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import CALLER, OTHER, handlers, job_type, planning, raising, stage

MakeSystem = Callable[..., FakeSystem]


def view(system: FakeSystem, job_id: str) -> JobView:
    repositories = system.repositories
    viewer = JobViewer(system.job_catalog, repositories.jobs, repositories.stages, system.clock)
    return viewer.view(job_id)


def submitted(system: FakeSystem, n: int = 2) -> str:
    return system.submit("trial", {"n": n}).job.job_id


class TestJobViewer:
    def test_a_job_that_is_not_there_is_an_error(self, system: FakeSystem) -> None:
        with pytest.raises(JobNotFoundError, match="no job has the id a"):
            view(system, "a" * 64)

    def test_a_new_job_has_no_stages(self, system: FakeSystem) -> None:
        shown = view(system, submitted(system))
        assert (shown.status, shown.progress, shown.stages) == (JobStatus.QUEUED, 0, [])
        assert (shown.stage_results, shown.result_data) == ({}, None)
        assert shown.links["self"] == f"/api/jobs/status/{shown.job_id}"

    def test_a_job_at_work_shows_how_far_it_is(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(name="first"), stage(name="second")), handlers())
        job_id = submitted(system)
        for _ in range(2):
            system.deliver(system.queue.visible()[0])
        shown = view(system, job_id)
        assert shown.progress == 25
        (first,) = shown.stages
        assert (first.name, first.status, first.expected) == ("first", StageStatus.OPEN, 2)
        assert (first.completed, first.failed, first.running) == (1, 0, 0)

    def test_a_completed_job_shows_its_results(self, system: FakeSystem) -> None:
        job_id = submitted(system)
        system.run_until_quiet()
        shown = view(system, job_id)
        assert (shown.progress, shown.result_data) == (100, {"tasks": [2]})
        assert shown.stage_results["1"]["successful_tasks"] == 2

    def test_a_failed_job_shows_its_error(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(), handlers(raising(PermanentTaskError("never", "BROKEN"))))
        job_id = submitted(system)
        system.run_until_quiet()
        shown = view(system, job_id)
        assert shown.error is not None
        assert (shown.error.code, shown.error.stage) == ("BROKEN", 1)

    def test_a_stage_of_no_tasks_counts_as_done(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(planning(StagePlan.of([]))), stage()), handlers())
        job_id = submitted(system)
        system.deliver(system.queue.visible()[0])
        assert view(system, job_id).progress == 50

    def test_a_job_that_has_not_ended_is_never_at_100(self, system: FakeSystem) -> None:
        job_id = submitted(system)
        for _ in range(3):
            system.deliver(system.queue.visible()[0])
        assert view(system, job_id).progress == 99.9

    def test_a_job_whose_type_is_gone_is_still_shown(self, system: FakeSystem) -> None:
        job_id = submitted(system)
        system.run_until_quiet()
        system.job_catalog._registrations.clear()
        assert view(system, job_id).stages[0].name == "stage 1"

    def test_a_job_at_a_stage_that_is_gone_is_still_shown(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(name="first"), stage()), handlers())
        job_id = submitted(system)
        system.run_until_quiet()
        (registration,) = job_type(stage(name="only"))
        system.job_catalog._registrations["trial"] = registration
        assert [shown.name for shown in view(system, job_id).stages] == ["only", "stage 2"]


class TestDryRun:
    def dry_run(self, system: FakeSystem, body: dict[str, Any]) -> Any:
        run = DryRun(system.job_catalog, system.submitter, system.planner, lambda _job, _first: None)
        return run("trial", body, CALLER, system.clock.now())

    def test_it_shows_the_plan_and_stores_nothing(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(name="first", max_parallel_tasks=7), stage()), handlers())
        shown = self.dry_run(system, {"n": 5})
        assert (shown.first_stage_tasks, len(shown.stages)) == (5, 2)
        assert (shown.stages[0].name, shown.stages[0].max_parallel_tasks) == ("first", 7)
        assert system.database.tables.jobs == {}

    def test_it_gives_the_id_that_a_submission_would(self, system: FakeSystem) -> None:
        assert self.dry_run(system, {"n": 5}).job_id == submitted(system, 5)

    def test_it_shows_only_the_stages_that_the_job_would_have(self, make_system: MakeSystem) -> None:
        registrations = job_type(stage(), stage(), stage_count=lambda _: 1)
        assert len(self.dry_run(make_system(registrations, handlers()), {}).stages) == 1

    def test_a_job_that_would_end_at_once_has_no_tasks(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(planning(StagePlan.complete_job()))), handlers())
        assert self.dry_run(system, {}).first_stage_tasks is None

    def test_parameters_are_checked(self, system: FakeSystem) -> None:
        with pytest.raises(InvalidParametersError):
            self.dry_run(system, {"n": "many"})

    def test_a_plan_that_breaks_its_contract_is_shown(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(planning(None))), handlers())
        with pytest.raises(ContractViolationError):
            self.dry_run(system, {})


class TestJobTypeViewer:
    def viewer(self, system: FakeSystem) -> JobTypeViewer:
        return JobTypeViewer(system.job_catalog, system.task_catalog)

    def test_a_job_type_shows_what_it_takes_and_does(self, system: FakeSystem) -> None:
        (shown,) = self.viewer(system).all()
        assert (shown.job_type, shown.description, shown.example) == ("trial", "For trials.", {"n": 1})
        assert shown.parameters_schema["properties"]["n"]["type"] == "integer"
        assert (shown.stages[0].task_type, shown.stages[0].description) == ("work", "Works.")

    def test_a_job_type_shows_all_that_a_stage_s_tasks_may_be_of(self, make_system: MakeSystem) -> None:
        system = make_system(job_type(stage(alternatives=(OTHER,))), handlers())
        (shown,) = self.viewer(system).all()
        assert (shown.stages[0].task_type, shown.stages[0].task_types) == ("work", ["work", "other"])

    def test_an_unknown_job_type_is_an_error(self, system: FakeSystem) -> None:
        with pytest.raises(UnknownJobTypeError):
            self.viewer(system).view("other")
