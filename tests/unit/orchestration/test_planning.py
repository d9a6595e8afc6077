"""What a controller plans is checked before anything is stored."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from schema.errors import ContractViolationError
from schema.identity import task_id_of
from schema.records import FinishJob, JobRecord, OpenStage
from schema.results import OrchestrationAction, StageResultContract
from schema.states import JobStatus
from schema.workflow import AllStages, StagePlan, TaskDefinition
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    OTHER,
    TOLERANT,
    DecidingResult,
    OtherParameters,
    WorkParameters,
    ended,
    handlers,
    job_type,
    planning,
    stage,
    work,
)

NOW = datetime(2025, 1, 1, tzinfo=UTC)
JOB = JobRecord(
    job_id="a" * 64,
    job_type="trial",
    parameters={"n": 2},
    status=JobStatus.QUEUED,
    stage=1,
    total_stages=1,
    run=3,
    correlation_id="corr-1",
    created_at=NOW,
    updated_at=NOW,
)
ONE = WorkParameters(number=1)


@pytest.fixture
def planned_by(make_system: Callable[..., FakeSystem]) -> Callable[..., Any]:
    """What follows from a planner of stage 1."""

    def planned_by(planner: Any, **options: Any) -> Any:
        return make_system(job_type(stage(planner, **options)), handlers()).planner.plan(JOB, 1, {})

    return planned_by


@pytest.fixture
def planned(planned_by: Callable[..., Any]) -> Callable[..., Any]:
    """What follows from a plan for stage 1."""
    return lambda plan, **options: planned_by(planning(plan), **options)


def test_a_stage_opens_with_the_tasks_of_the_plan_in_their_order(planned: Callable[..., OpenStage]) -> None:
    step = planned(StagePlan.of(work(3)))
    assert [task.index for task in step.tasks] == ["0", "1", "2"]
    assert step.tasks[2].parameters == {"number": 2}
    assert step.tasks[2].task_id == task_id_of(JOB.job_id, 3, 1, "2")


def test_a_stage_opens_with_the_policies_of_its_definition_and_its_handler(
    planned: Callable[..., OpenStage],
) -> None:
    step = planned(StagePlan.of(work(1)), max_parallel_tasks=7, failure=TOLERANT)
    assert (step.job_id, step.run, step.stage, step.task_type) == (JOB.job_id, 3, 1, "work")
    assert (step.max_parallel_tasks, step.failure, step.retry.attempts) == (7, TOLERANT, 3)
    assert (step.lease.total_seconds(), step.task_timeout.total_seconds()) == (120, 1500)


def test_tasks_may_come_from_a_generator(planned: Callable[..., OpenStage]) -> None:
    assert len(planned(StagePlan(tasks=(task for task in work(3)))).tasks) == 3


def test_a_plan_may_complete_the_job(planned: Callable[..., FinishJob]) -> None:
    step = planned(StagePlan.complete_job())
    assert (step.status, step.result) == (JobStatus.COMPLETED, {"tasks": []})


def test_a_plan_may_fail_the_job(planned: Callable[..., FinishJob]) -> None:
    step = planned(StagePlan.fail_job("too large"))
    assert step.status is JobStatus.FAILED
    assert step.error is not None
    assert (step.error.code, step.error.stage) == ("JOB_FAILED_BY_CONTROLLER", 1)


def broken_generator() -> Iterator[TaskDefinition]:
    yield from work(1)
    raise LookupError("no more")


@pytest.mark.parametrize(
    ("plan", "contract", "expected"),
    [
        (None, "StagePlan", "a StagePlan"),
        (work(1), "StagePlan", "a StagePlan"),
        (StagePlan(OrchestrationAction.RETRY_STAGE), "StagePlan", "create_tasks, complete_job or fail_job"),
        (StagePlan(tasks=None), "controller function", "a value, not TypeError"),
        (StagePlan(tasks=broken_generator()), "controller function", "not LookupError"),
        (StagePlan(tasks=[ONE]), "StagePlan", "TaskDefinitions"),
        (StagePlan(tasks=[*work(1), *work(1)]), "StagePlan", "one task with the index '0', not two"),
        (StagePlan(tasks=[TaskDefinition("", ONE)]), "TaskDefinition", "1 to 1,000 characters"),
        (StagePlan(tasks=[TaskDefinition("x" * 1_001, ONE)]), "TaskDefinition", "1 to 1,000 characters"),
        (StagePlan(tasks=[TaskDefinition("a\0b", ONE)]), "TaskDefinition", "without U+0000"),
        (StagePlan(tasks=[TaskDefinition("\ud800", ONE)]), "TaskDefinition", "lone surrogates"),
        (StagePlan(tasks=[TaskDefinition(5, ONE)]), "TaskDefinition", "an index"),
        (
            StagePlan(tasks=[TaskDefinition("0", DecidingResult.model_construct())]),
            "WorkParameters",
            "WorkParameters, not DecidingResult",
        ),
        (
            StagePlan(tasks=[TaskDefinition("0", WorkParameters.model_construct(number=object()))]),
            "WorkParameters",
            "JSON",
        ),
    ],
)
def test_a_plan_that_breaks_its_contract_is_refused_by_name(
    planned: Callable[..., Any], plan: object, contract: str, expected: str
) -> None:
    with pytest.raises(ContractViolationError) as caught:
        planned(plan)
    assert caught.value.contract == contract
    assert caught.value.producer == "trial.working.plan"
    assert expected in caught.value.expected


def test_indexes_that_look_alike_are_different_tasks(planned: Callable[..., OpenStage]) -> None:
    tasks = [TaskDefinition(index, ONE) for index in ("a_b", "a-b", "A_B", "a.b")]
    assert len({task.task_id for task in planned(StagePlan.of(tasks)).tasks}) == 4


MIXED = [TaskDefinition("a", OtherParameters(text="x")), TaskDefinition("b", ONE)]


def test_a_task_is_of_the_contract_whose_parameters_it_has(planned: Callable[..., OpenStage]) -> None:
    step = planned(StagePlan.of(MIXED), alternatives=(OTHER,))
    assert step.task_type == "work"
    assert [task.task_type for task in step.tasks] == ["other", None]
    assert [task.parameters for task in step.tasks] == [{"text": "x"}, {"number": 1}]


class BothParameters(WorkParameters, OtherParameters):
    pass


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (DecidingResult.model_construct(), "WorkParameters or OtherParameters, not DecidingResult"),
        (BothParameters(number=1, text="x"), "not both, as BothParameters is"),
    ],
)
def test_a_task_of_no_single_contract_is_refused(
    planned: Callable[..., OpenStage], parameters: Any, expected: str
) -> None:
    with pytest.raises(ContractViolationError) as caught:
        planned(StagePlan.of([TaskDefinition("0", parameters)]), alternatives=(OTHER,))
    assert caught.value.contract == "WorkParameters or OtherParameters"
    assert expected in caught.value.expected


def test_a_plan_may_need_the_results_of_all_stages_before(make_system: Callable[..., FakeSystem]) -> None:
    seen: list[dict[int, int]] = []

    def plan(_: Any, results: Mapping[int, StageResultContract]) -> StagePlan:
        seen.append({number: result.task_count for number, result in results.items()})
        return StagePlan.of(work(1))

    one, two = planning(StagePlan.of(work(1))), planning(StagePlan.of(work(2)))
    system = make_system(job_type(stage(one), stage(two), stage(AllStages(plan))), handlers())
    assert ended(system).status is JobStatus.COMPLETED
    assert seen == [{1: 1, 2: 2}]


def test_a_plan_from_all_stages_may_be_the_first(planned_by: Callable[..., OpenStage]) -> None:
    assert len(planned_by(AllStages(lambda _, results: StagePlan.of(work(len(results))))).tasks) == 0


def test_a_plan_from_all_stages_is_checked_as_any(planned_by: Callable[..., OpenStage]) -> None:
    with pytest.raises(ContractViolationError, match="a value, not KeyError"):
        planned_by(AllStages(lambda _, results: results[7]))
