"""A dry run tries a job's first stages and stores nothing."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from interfaces.handler import TaskContext
from interfaces.sandbox import Sandbox
from orchestration.settling import StageSettling
from orchestration.submission import Caller
from orchestration.trying import TRIAL_SECONDS, StageTrial
from orchestration.viewing import DryRun
from schema.api import TrialProblem, TrialView
from schema.errors import (
    BlobUnavailableError,
    ContractViolationError,
    PermanentTaskError,
    RetryableTaskError,
    TaskDeferredError,
    TaskError,
    TaskTimedOutError,
    ThrottledTaskError,
)
from schema.results import OrchestrationAction, OrchestrationData, StageResultContract
from schema.workflow import AllStages, StagePlan, TaskDefinition
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    DECIDE,
    OTHER,
    TOLERANT,
    OtherParameters,
    WorkParameters,
    WorkResult,
    deciding,
    handlers,
    job_type,
    planning,
    raising,
    run_work,
    stage,
    work,
)

SANDBOX = cast("Sandbox", object())
BROKEN = PermanentTaskError("it is no raster", "RASTER_UNREADABLE")

Tried = Callable[..., TrialView]


@pytest.fixture
def system_of(make_system: Callable[..., FakeSystem]) -> Callable[..., FakeSystem]:
    def system_of(*stages: Any, work: Callable[..., Any] = run_work, **options: Any) -> FakeSystem:
        values = {"trial_stages": len(stages), **options}
        decide = values.pop("decide", run_work)
        return make_system(job_type(*stages, **values), handlers(work, decide))

    return system_of


@pytest.fixture
def tried(system_of: Callable[..., FakeSystem]) -> Tried:
    """How a dry run of a job type of these stages goes, all of which may be tried."""

    def tried(*stages: Any, **options: Any) -> Any:
        return dry_run(system_of(*stages, **options))

    return tried


def dry_run(system: FakeSystem, **parameters: Any) -> TrialView | None:
    catalogs = system.job_catalog, system.task_catalog
    settling = StageSettling(catalogs[0], system.planner, system.payloads, system.clock)
    trial = StageTrial(*catalogs, settling, blobs=system.blobs, sandbox=SANDBOX, clock=system.clock)
    run = DryRun(catalogs[0], system.submitter, system.planner, trial)
    return run("trial", parameters, Caller("corr-1"), system.clock.now()).trial


def failing(*numbers: int) -> Callable[..., Any]:
    def handler(parameters: WorkParameters, context: TaskContext) -> WorkResult:
        if parameters.number in numbers:
            raise BROKEN
        return run_work(parameters, context)

    return handler


class TestStages:
    def test_a_job_type_without_stages_to_try_is_not_tried(self, tried: Tried) -> None:
        assert tried(stage(), trial_stages=0) is None

    def test_the_results_of_the_last_stage_that_was_tried_are_shown(self, tried: Tried) -> None:
        later = stage(planning(StagePlan.of([TaskDefinition("x", WorkParameters(number=7))])))
        shown = tried(stage(), later, stage(), trial_stages=2)
        assert (shown.stages_run, shown.problem) == (2, None)
        assert shown.results == [{"number": 7, "processed_items": 1}]

    def test_nothing_is_stored_or_sent(self, system_of: Callable[..., FakeSystem]) -> None:
        system = system_of(stage(), stage())
        dry_run(system)
        tables = system.database.tables
        assert (tables.jobs, tables.stages, tables.tasks, tables.outbox) == ({}, {}, {}, {})
        assert (system.payload_store.values, system.queue.visible()) == ({}, [])

    def test_stages_that_may_not_be_tried_do_not_run(self, system_of: Callable[..., FakeSystem]) -> None:
        calls: list[int] = []

        def handler(parameters: WorkParameters, context: TaskContext) -> WorkResult:
            calls.append(context.stage)
            return run_work(parameters, context)

        dry_run(system_of(stage(), stage(), work=handler, trial_stages=1))
        assert calls == [1, 1]

    def test_only_stages_that_the_job_would_have_are_tried(self, tried: Tried) -> None:
        assert tried(stage(), stage(), stage_count=lambda _: 1).stages_run == 1

    def test_a_stage_of_no_tasks_is_passed(self, tried: Tried) -> None:
        shown = tried(stage(), stage(planning(StagePlan.of([]))), stage())
        assert (shown.stages_run, len(shown.results)) == (3, 2)

    def test_tasks_of_several_types_are_run_by_their_handlers(self, tried: Tried) -> None:
        tasks = [TaskDefinition("a", OtherParameters(text="x")), *work(1)]
        shown = tried(stage(planning(StagePlan.of(tasks)), alternatives=(OTHER,)))
        assert shown.results == [{"text": "x"}, {"number": 0, "processed_items": 1}]

    def test_a_plan_sees_the_results_of_all_stages_before(self, tried: Tried) -> None:
        def plan(_: Any, results: Mapping[int, StageResultContract]) -> StagePlan:
            return StagePlan.of(work(sum(result.task_count for result in results.values())))

        assert len(tried(stage(), stage(), stage(AllStages(plan))).results) == 4

    def test_of_many_results_the_first_are_shown(self, tried: Tried) -> None:
        assert len(tried(stage(planning(StagePlan.of(work(101))))).results) == 100

    def test_a_job_that_completes_early_is_no_problem(self, tried: Tried) -> None:
        complete = OrchestrationData(action=OrchestrationAction.COMPLETE_JOB)
        shown = tried(stage(decide=lambda _parameters, _result: complete), stage())
        assert (shown.stages_run, shown.problem) == (1, None)

    def test_a_task_s_own_decision_is_obeyed(self, tried: Tried) -> None:
        handler = deciding(OrchestrationAction.FAIL_JOB, reason="nothing fits")
        shown = tried(stage(planning(StagePlan.of(work(1))), contract=DECIDE), stage(), decide=handler)
        assert shown.problem == TrialProblem(code="JOB_FAILED_BY_CONTROLLER", message="nothing fits", stage=1)


class TestProblems:
    def test_what_a_handler_finds_is_shown_with_its_code_and_stage(self, tried: Tried) -> None:
        shown = tried(stage(), stage(), work=raising(BROKEN))
        assert (shown.stages_run, shown.results) == (0, [])
        assert shown.problem == TrialProblem(code="RASTER_UNREADABLE", message="it is no raster", stage=1)

    def test_the_results_before_the_problem_are_shown(self, tried: Tried) -> None:
        one = planning(StagePlan.of([TaskDefinition("x", WorkParameters(number=5))]))
        shown = tried(stage(), stage(one), work=failing(5))
        assert (shown.stages_run, len(shown.results)) == (1, 2)
        assert shown.problem is not None
        assert shown.problem.stage == 2

    @pytest.mark.parametrize("kind", [RetryableTaskError, ThrottledTaskError, TaskDeferredError])
    def test_a_passing_fault_is_not_tried_again_nor_the_job_s_failure(
        self, tried: Tried, kind: type[TaskError]
    ) -> None:
        shown = tried(stage(), work=raising(kind("away", "SANDBOX_BUSY")))
        assert shown.problem == TrialProblem(code="SANDBOX_BUSY", message="away", stage=1, would_fail=False)

    def test_behind_a_task_that_failed_none_is_run(self, system_of: Callable[..., FakeSystem]) -> None:
        calls: list[int] = []

        def handler(parameters: WorkParameters, _: TaskContext) -> WorkResult:
            calls.append(parameters.number)
            raise BROKEN

        dry_run(system_of(stage(), work=handler), n=5)
        assert calls == [0]

    def test_tolerated_failures_are_no_problem(self, tried: Tried) -> None:
        shown = tried(stage(failure=TOLERANT), stage(planning(StagePlan.of([]))), work=failing(0))
        assert (shown.stages_run, shown.problem) == (2, None)

    def test_a_failed_stage_that_would_be_run_again_is_shown_as_it_is(self, tried: Tried) -> None:
        again = OrchestrationData(action=OrchestrationAction.RETRY_STAGE)
        shown = tried(stage(decide=lambda _parameters, _result: again), work=raising(BROKEN))
        assert shown.problem is not None
        assert shown.problem.code == "RASTER_UNREADABLE"

    def test_a_plan_that_fails_the_job_is_shown(self, tried: Tried) -> None:
        shown = tried(stage(planning(StagePlan.fail_job("too large"))))
        assert shown.stages_run == 0
        assert shown.problem == TrialProblem(code="JOB_FAILED_BY_CONTROLLER", message="too large", stage=1)

    def test_a_later_plan_that_breaks_its_contract_is_shown(self, tried: Tried) -> None:
        shown = tried(stage(), stage(planning(None)))
        assert shown.stages_run == 1
        assert shown.problem is not None
        assert shown.problem.code == "CONTRACT_VIOLATION"

    @pytest.mark.parametrize(
        "error",
        [BlobUnavailableError("away"), KeyError("surprise"), ContractViolationError("a", "b", "c", "d")],
    )
    def test_what_is_no_finding_goes_through(self, tried: Tried, error: Exception) -> None:
        with pytest.raises(type(error)):
            tried(stage(), work=raising(error))

    def test_a_result_that_is_not_its_contract_s_goes_through(self, tried: Tried) -> None:
        with pytest.raises(ContractViolationError, match="handler work"):
            tried(stage(), work=lambda _parameters, _context: None)


class TestContext:
    def test_a_handler_knows_who_it_works_for(self, system_of: Callable[..., FakeSystem]) -> None:
        seen: list[tuple[object, ...]] = []

        def handler(parameters: WorkParameters, context: TaskContext) -> WorkResult:
            context.report_progress(0.5)
            seen.append((context.job_id, context.run, context.stage, context.attempt, context.correlation_id))
            assert context.sandbox is SANDBOX
            assert context.task_id
            return run_work(parameters, context)

        system = system_of(stage(planning(StagePlan.of(work(1)))), work=handler)
        dry_run(system, n=1)
        assert seen == [(system.submit("trial", {"n": 1}).job.job_id, 1, 1, 1, "corr-1")]

    def test_a_handler_reads_what_earlier_stages_left(self, tried: Tried) -> None:
        def handler(parameters: WorkParameters, context: TaskContext) -> WorkResult:
            if context.stage == 1:
                return WorkResult(number=10 + parameters.number)
            found = dict(context.results_of(1))
            assert context.result_of(1, "1") == found["1"]
            return WorkResult(number=len(found))

        shown = tried(stage(), stage(planning(StagePlan.of(work(1)))), work=handler)
        assert shown.results == [{"number": 2, "processed_items": 1}]

    def test_a_result_that_is_not_there_is_a_finding(self, tried: Tried) -> None:
        shown = tried(stage(), work=lambda _, context: context.result_of(7, "x"))
        assert shown.problem is not None
        assert shown.problem.code == "RESULT_MISSING"

    def test_a_handler_reads_blobs(self, system_of: Callable[..., FakeSystem]) -> None:
        def handler(_: WorkParameters, context: TaskContext) -> WorkResult:
            blobs = context.blobs
            assert [blob.name for blob in blobs.list_blobs("bronze")] == ["a.txt"]
            assert blobs.address_of("bronze", "a.txt").endswith("/bronze/a.txt")
            assert blobs.output_container == "silver"
            assert blobs.read_range("bronze", "a.txt", 0, 2) == b"ab"
            return WorkResult(number=blobs.info("bronze", "a.txt").size)

        system = system_of(stage(), work=handler)
        system.blobs.put("bronze", "a.txt", b"abc")
        shown = dry_run(system)
        assert shown is not None
        assert shown.results[0]["number"] == 3

    def test_a_handler_cannot_write_blobs(self, system_of: Callable[..., FakeSystem]) -> None:
        def handler(parameters: WorkParameters, context: TaskContext) -> WorkResult:
            context.blobs.write("silver", "a.txt", b"abc", "text/plain")
            return run_work(parameters, context)

        system = system_of(stage(), work=handler)
        with pytest.raises(ContractViolationError, match="/write"):
            dry_run(system)
        assert "silver" not in system.blobs.containers

    def test_a_trial_ends_after_its_time(self, system_of: Callable[..., FakeSystem]) -> None:
        calls: list[int] = []

        def handler(parameters: WorkParameters, context: TaskContext) -> WorkResult:
            calls.append(parameters.number)
            context.raise_if_stopped()
            system.clock.advance(TRIAL_SECONDS - 1)
            context.raise_if_stopped()
            system.clock.advance(1)
            return run_work(parameters, context)

        system = system_of(stage(), work=handler)
        shown = dry_run(system, n=3)
        assert calls == [0]
        assert shown is not None
        assert shown.problem == TrialProblem(
            code=TaskTimedOutError.code, message="the trial took too long", stage=1, would_fail=False
        )
