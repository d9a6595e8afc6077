"""Jobs are driven from stage to stage as their controllers say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from schema.errors import PermanentTaskError
from schema.records import JobRecord
from schema.results import OrchestrationAction, OrchestrationData, StageResultContract
from schema.states import JobStatus
from schema.workflow import StagePlan
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    DECIDE,
    TOLERANT,
    WorkParameters,
    deciding,
    ended,
    error_code,
    handlers,
    job_type,
    planning,
    raising,
    result_of,
    run_work,
    stage,
    work,
)

CREATE, COMPLETE, FAIL, RETRY = OrchestrationAction
MakeSystem = Callable[..., FakeSystem]


def decided(action: OrchestrationAction, **options: Any) -> Callable[..., OrchestrationData]:
    """A controller's decision."""
    return lambda _parameters, _result: OrchestrationData(action=action, **options)


def failing_first(parameters: WorkParameters, _: Any) -> Any:
    if parameters.number == 0:
        raise PermanentTaskError("the first one is broken", "FIRST_BROKEN")
    return run_work(parameters, _)


class TestCompletion:
    def test_a_job_of_one_stage_completes_with_its_controller_s_result(self, system: FakeSystem) -> None:
        job = ended(system)
        assert (job.status, job.result, job.error) == (JobStatus.COMPLETED, {"tasks": [2]}, None)

    def test_stages_follow_each_other(self, make_system: MakeSystem) -> None:
        def plan_more(_: Any, previous: StageResultContract) -> StagePlan:
            return StagePlan.of(work(previous.task_count + 1))

        job = ended(make_system(job_type(stage(), stage(plan_more), stage(plan_more)), handlers()))
        assert (job.status, job.stage, job.result) == (JobStatus.COMPLETED, 3, {"tasks": [2, 3, 4]})

    def test_a_stage_of_no_tasks_is_passed(self, make_system: MakeSystem) -> None:
        empty = stage(planning(StagePlan.of([])))
        job = ended(make_system(job_type(empty, stage(), empty), handlers()))
        assert (job.status, job.result) == (JobStatus.COMPLETED, {"tasks": [0, 2, 0]})

    def test_a_job_may_have_fewer_stages_than_its_type(self, make_system: MakeSystem) -> None:
        registration = job_type(stage(), stage(), stage_count=lambda parameters: parameters.n)
        job = ended(make_system(registration, handlers()), {"n": 1})
        assert (job.total_stages, job.result) == (1, {"tasks": [1]})

    def test_tolerated_failures_leave_the_job_completed_with_errors(self, make_system: MakeSystem) -> None:
        for following in (
            [],
            [stage(planning(StagePlan.of([])))],
            [stage(planning(StagePlan.complete_job()))],
        ):
            stages = [stage(failure=TOLERANT), *following]
            job = ended(make_system(job_type(*stages), handlers(failing_first)))
            assert job.status is JobStatus.COMPLETED_WITH_ERRORS


class TestFailure:
    def test_a_failed_task_fails_its_job_with_its_own_error(self, make_system: MakeSystem) -> None:
        job = ended(make_system(job_type(stage(), stage()), handlers(failing_first)))
        assert error_code(job) == "FIRST_BROKEN"
        assert job.error is not None
        assert (job.error.stage, job.error.message) == (1, "the first one is broken")
        assert job.error.task_id is not None
        assert job.stage == 1

    def test_too_many_failures_fail_a_tolerant_stage(self, make_system: MakeSystem) -> None:
        strict = TOLERANT.model_copy(update={"min_success_rate": 60})
        job = ended(make_system(job_type(stage(failure=strict)), handlers(failing_first)))
        assert error_code(job) == "FIRST_BROKEN"

    def test_a_stage_that_failed_without_a_task_s_error_says_how_far_it_came(
        self, make_system: MakeSystem
    ) -> None:
        system = make_system(job_type(stage()), handlers())
        submission = system.submit("trial", {"n": 1})
        system.deliver(system.queue.visible()[0])
        (task_id,) = system.database.tables.tasks
        row = system.database.tables.tasks[task_id]
        system.database.tables.tasks[task_id] = replace(row, status="skipped")
        system.repositories.stages.close(submission.job.job_id, 1, 1)
        system.clock.advance(61)
        system.run_until_quiet()
        job = system.job(submission.job.job_id)
        assert error_code(job) == "STAGE_FAILED"
        assert job.error is not None
        assert job.error.message == "stage 1 reached 0.0 % success"


class TestDecisionsOfTasks:
    """What a stage's own task decides is obeyed, at the first stage and at a later one."""

    @pytest.fixture(params=[1, 2])
    def run(self, request: pytest.FixtureRequest, make_system: MakeSystem) -> Callable[..., JobRecord]:
        def run(handler: Callable[..., Any], *following: Any, **options: Any) -> JobRecord:
            before = [stage(planning(StagePlan.of(work(1))))] * (request.param - 1)
            deciding_stage = stage(planning(StagePlan.of(work(1))), contract=DECIDE, **options)
            return ended(make_system(job_type(*before, deciding_stage, *following), handlers(decide=handler)))

        return run

    def test_create_tasks_plans_the_next_stage_from_its_items(self, run: Callable[..., JobRecord]) -> None:
        def plan(_: Any, previous: StageResultContract) -> StagePlan:
            assert previous.orchestration is not None
            return StagePlan.of(work(len(previous.orchestration.items)))

        job = run(deciding(CREATE, 7, 8, 9), stage(plan))
        assert job.status is JobStatus.COMPLETED
        assert job.result is not None
        assert job.result["tasks"][-1] == 3

    def test_complete_job_ends_the_job(self, run: Callable[..., JobRecord]) -> None:
        job = run(deciding(COMPLETE, reason="nothing to do"), stage(raising(AssertionError("not planned"))))
        assert (job.status, job.error) == (JobStatus.COMPLETED, None)

    def test_fail_job_fails_the_job_with_its_reason(self, run: Callable[..., JobRecord]) -> None:
        job = run(deciding(FAIL, reason="bad source"), stage(raising(AssertionError("not planned"))))
        assert error_code(job) == "JOB_FAILED_BY_CONTROLLER"
        assert job.error is not None
        assert job.error.message == "bad source"

    def test_fail_job_needs_no_reason(self, run: Callable[..., JobRecord]) -> None:
        job = run(deciding(FAIL))
        assert job.error is not None
        assert job.error.message == "no reason given"

    def test_retry_stage_runs_the_stage_again_until_the_decision_changes(
        self, run: Callable[..., JobRecord]
    ) -> None:
        attempts: list[int] = []

        def decide(parameters: WorkParameters, context: Any) -> Any:
            attempts.append(context.attempt)
            return deciding(RETRY if len(attempts) < 3 else COMPLETE)(parameters, context)

        assert run(decide).status is JobStatus.COMPLETED
        assert attempts == [1, 2, 3]

    def test_retry_stage_is_obeyed_so_often_and_not_more(self, run: Callable[..., JobRecord]) -> None:
        job = run(deciding(RETRY, reason="still not there"), max_retries=2)
        assert error_code(job) == "STAGE_RETRIES_EXHAUSTED"
        assert job.error is not None
        assert "retried 2 times; still not there" in job.error.message

    def test_create_tasks_after_the_last_stage_is_a_violation(self, run: Callable[..., JobRecord]) -> None:
        job = run(deciding(CREATE))
        assert error_code(job) == "CONTRACT_VIOLATION"
        assert job.error is not None
        assert "OrchestrationData" in job.error.message
        assert "no stage follows" in job.error.message


class TestDecisionsOfControllers:
    @pytest.mark.parametrize(
        ("action", "status"), [(COMPLETE, JobStatus.COMPLETED), (FAIL, JobStatus.FAILED)]
    )
    def test_the_job_ends_as_decided(
        self, make_system: MakeSystem, action: OrchestrationAction, status: JobStatus
    ) -> None:
        stages = (stage(decide=decided(action)), stage(raising(AssertionError("not planned"))))
        assert ended(make_system(job_type(*stages), handlers())).status is status

    def test_the_next_stage_sees_what_was_decided(self, make_system: MakeSystem) -> None:
        def plan(_: Any, previous: StageResultContract) -> StagePlan:
            assert previous.orchestration is not None
            return StagePlan.of(work(len(previous.orchestration.items)))

        decide = decided(CREATE, items=(1, 2, 3), item_count=3, next_stage_parameters={"size": 1})
        system = make_system(job_type(stage(decide=decide), stage(plan)), handlers())
        job = ended(system)
        assert job.result == {"tasks": [2, 3]}
        decision = result_of(system, job).orchestration
        assert decision is not None
        assert decision.next_stage_parameters == {"size": 1}

    def test_a_retried_stage_runs_again_only_what_did_not_complete(self, make_system: MakeSystem) -> None:
        runs: list[int] = []

        def once_failing(parameters: WorkParameters, context: Any) -> Any:
            runs.append(parameters.number)
            return (
                failing_first(parameters, context) if context.attempt == 1 else run_work(parameters, context)
            )

        def decide(_: Any, result: StageResultContract) -> OrchestrationData:
            return OrchestrationData(action=RETRY if result.failed_tasks else COMPLETE)

        system = make_system(job_type(stage(failure=TOLERANT, decide=decide)), handlers(once_failing))
        job = ended(system)
        assert (job.status, runs) == (JobStatus.COMPLETED, [0, 1, 0])
        assert result_of(system, job).metadata["retries"] == 1

    def test_a_stage_of_no_tasks_may_be_retried(self, make_system: MakeSystem) -> None:
        def decide(_: Any, result: StageResultContract) -> OrchestrationData:
            return OrchestrationData(action=RETRY if result.metadata["retries"] == 0 else COMPLETE)

        system = make_system(job_type(stage(planning(StagePlan.of([])), decide=decide)), handlers())
        assert ended(system).status is JobStatus.COMPLETED

    @pytest.mark.parametrize(
        ("decide", "named"),
        [
            (raising(KeyError("items")), "KeyError"),
            (planning("complete_job"), "OrchestrationData, not str"),
            (decided(COMPLETE, reason="a\0b"), "U+0000"),
        ],
    )
    def test_a_decision_that_is_none_fails_the_job(
        self, make_system: MakeSystem, decide: Callable[..., Any], named: str
    ) -> None:
        job = ended(make_system(job_type(stage(decide=decide)), handlers()))
        assert error_code(job) == "CONTRACT_VIOLATION"
        assert job.error is not None
        assert "trial.working.decide" in job.error.message
        assert named in job.error.message


class TestPlansThatEndTheJob:
    @pytest.mark.parametrize("before", [0, 1])
    @pytest.mark.parametrize(
        ("plan", "status"),
        [
            (StagePlan.complete_job("nothing there"), JobStatus.COMPLETED),
            (StagePlan.fail_job("too large"), JobStatus.FAILED),
        ],
    )
    def test_the_job_ends_as_planned(
        self, make_system: MakeSystem, before: int, plan: StagePlan, status: JobStatus
    ) -> None:
        stages = [stage()] * before + [stage(planning(plan)), stage()]
        system = make_system(job_type(*stages), handlers())
        job = ended(system)
        assert job.status is status
        assert len(system.database.tables.stages) == before

    @pytest.mark.parametrize("before", [0, 1])
    def test_a_plan_that_raises_fails_the_job(self, make_system: MakeSystem, before: int) -> None:
        stages = [stage()] * before + [stage(raising(ZeroDivisionError("n")), name="second")]
        job = ended(make_system(job_type(*stages), handlers()))
        assert error_code(job) == "CONTRACT_VIOLATION"
        assert job.error is not None
        assert job.error.message.endswith(
            "trial.second.plan should have produced a value, not ZeroDivisionError"
        )

    def test_a_result_that_raises_fails_the_job(self, make_system: MakeSystem) -> None:
        job = ended(make_system(job_type(summarize=raising(KeyError(2))), handlers()))
        assert error_code(job) == "CONTRACT_VIOLATION"

    def test_a_result_that_is_no_json_fails_the_job(self, make_system: MakeSystem) -> None:
        job = ended(make_system(job_type(summarize=planning({"when": object()})), handlers()))
        assert error_code(job) == "CONTRACT_VIOLATION"
        assert job.error is not None
        assert "contract JobResult, field /when" in job.error.message

    def test_a_message_that_cannot_be_stored_fails_the_job_all_the_same(
        self, make_system: MakeSystem
    ) -> None:
        plan = planning(StagePlan.fail_job("bad \0 and \ud800 " + "x" * 5_000))
        job = ended(make_system(job_type(stage(plan)), handlers()))
        assert error_code(job) == "JOB_FAILED_BY_CONTROLLER"
        assert job.error is not None
        assert len(job.error.message) == 2_000
